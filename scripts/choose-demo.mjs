// Chooses the questions of `groundsight demo` from the pocket model's dev set, by a fixed rule:
// questions are taken in the order of the files; of each file the first that greedy `regular` gets wrong and `vcd` gets
// right is shown, then the first of all that `regular` gets right and `vcd` gets wrong. Counts over all are kept too.
//
//   npm run build && node scripts/choose-demo.mjs
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { apc, load, regular, vcd } from "../dist/index.js";

const pocket = fileURLToPath(new URL("../pocket/", import.meta.url));
const bench = join(pocket, "bench", "dev");
const FILES = ["pope_adversarial.jsonl", "colours.jsonl", "reasoning.jsonl"];
const METHODS = [regular(), apc(), vcd()];
const SHOWN_PER_FILE = 2;

const words = (text) => text.toLowerCase().match(/[a-z]+/g) ?? [];

/** Whether an answer is right, by the record's own truth. */
function isRight(record, answer) {
  const said = words(answer);
  if (record.label !== undefined) return (said.includes("yes") ? "yes" : "no") === record.label;
  if (record.rubric !== undefined) {
    const has = (phrase) => ` ${said.join(" ")} `.includes(` ${words(phrase).join(" ")} `);
    return record.rubric.every(has) && !(record.forbidden ?? []).some(has);
  }
  return said.includes(record.answer.toLowerCase());
}

const model = await load("pocket");
const shown = [];
let harmed;
const counts = {};
for (const file of FILES) {
  const records = readFileSync(join(bench, file), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const imageOf = ({ image }) =>
    [join(bench, "images", basename(image)), join(bench, image)].find(existsSync);
  const requests = records.flatMap((record) =>
    METHODS.map((method) => ({
      image: imageOf(record),
      prompt: record.text,
      method,
      maxTokens: 24,
    })),
  );
  const answers = await model.generateBatch(requests, { maxStreams: 32 });
  const tally = { questions: records.length, helped: 0, harmed: 0 };
  let picked = 0;
  for (const [i, record] of records.entries()) {
    const [plain, cut, contrasted] = answers.slice(i * METHODS.length).map(({ text }) => text);
    const verdict = [isRight(record, plain), isRight(record, contrasted)].join();
    const entry = {
      file,
      image: imageOf(record),
      question: record.text,
      truth: record.label ?? record.answer,
      rubric: record.rubric,
      forbidden: record.forbidden,
      answers: { regular: plain, apc: cut, vcd: contrasted },
    };
    if (verdict === "false,true") {
      tally.helped++;
      if (picked++ < SHOWN_PER_FILE) shown.push(entry);
    } else if (verdict === "true,false") {
      tally.harmed++;
      harmed ??= entry;
    }
  }
  counts[file] = tally;
}
await model.dispose();

const target = join(pocket, "demo");
rmSync(target, { recursive: true, force: true });
mkdirSync(target);
const questions = [...shown, ...(harmed === undefined ? [] : [harmed])].map(
  ({ image, file, question, truth, rubric, forbidden }) => {
    copyFileSync(image, join(target, basename(image)));
    return { image: basename(image), file, question, truth, rubric, forbidden };
  },
);
writeFileSync(join(target, "demo.json"), `${JSON.stringify({ counts, questions }, null, 2)}\n`);
console.log(JSON.stringify({ counts, shown, harmed }, null, 2));
