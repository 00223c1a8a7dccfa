// Chooses the questions of `groundsight demo` from the pocket model's dev set, by a fixed rule:
// questions are taken in the order of the files; of each file the first that greedy `regular` gets wrong and `vcd` gets
// right, and the first (another) that `vdgd` gets right; then the first of all that `vcd` spoils. Counts over all
// questions are kept too.
//
//   npm run build && node scripts/choose-demo.mjs
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { apc, load, regular, vcd, vdgd } from "../dist/index.js";

const pocket = fileURLToPath(new URL("../pocket/", import.meta.url));
const bench = join(pocket, "bench", "dev");
const FILES = ["pope_adversarial.jsonl", "colours.jsonl", "reasoning.jsonl"];
const METHODS = [regular(), apc(), vcd(), vdgd()];
/** Of each file, the first question that each of these mends. */
const SHOWN = ["vcd", "vdgd"];
const indexOf = (name) => METHODS.findIndex((method) => method.name === name);

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
  const tally = { questions: records.length, mended: {}, spoilt: {} };
  const mendedHere = new Set();
  for (const [i, record] of records.entries()) {
    const texts = answers
      .slice(i * METHODS.length, (i + 1) * METHODS.length)
      .map(({ text }) => text);
    const right = texts.map((text) => isRight(record, text));
    const { text: question, rubric, forbidden } = record;
    const entry = {
      file,
      image: imageOf(record),
      question,
      truth: record.label ?? record.answer,
      rubric,
      forbidden,
      texts,
    };
    for (const [m, { name }] of METHODS.entries()) {
      tally.mended[name] = (tally.mended[name] ?? 0) + (!right[0] && right[m] ? 1 : 0);
      tally.spoilt[name] = (tally.spoilt[name] ?? 0) + (right[0] && !right[m] ? 1 : 0);
    }
    const mends = SHOWN.find((name) => !mendedHere.has(name) && !right[0] && right[indexOf(name)]);
    if (mends !== undefined) {
      mendedHere.add(mends);
      shown.push(entry);
    }
    if (right[0] && !right[indexOf("vcd")]) harmed ??= entry;
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
