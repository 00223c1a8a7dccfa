// Chooses the questions of `groundsight demo` from the pocket model's dev set, by the rule of chooseExamples
// (src/cli/demo-question.ts), and keeps how often each method mends and spoils over all questions, under seed 0. What
// a method that adds noise does must be the same in 24 of 30 noise draws (seeds 0 to 29), or it is not shown.
//
//   npm run build && node scripts/choose-demo.mjs
//   node scripts/terminal-picture.mjs docs/demo.svg demo
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chooseExamples, isRight, NOISE_DRAWS } from "../dist/cli/demo-question.js";
import { apc, load, regular, vcd, vdgd } from "../dist/index.js";

const pocket = fileURLToPath(new URL("../pocket/", import.meta.url));
const bench = join(pocket, "bench", "dev");
const FILES = ["pope_adversarial.jsonl", "colours.jsonl", "direct.jsonl"];
const METHODS = [regular(), apc(), vcd(), vdgd()];
/** Those of them whose answer depends on the seed. */
const NOISY = METHODS.filter(({ seeded }) => seeded);

const model = await load("pocket");

/** Whether each method is right about each question, under a seed. */
async function rightness(questions, methods, seeds) {
  const requests = questions.flatMap(({ path, question }) =>
    methods.flatMap((method) =>
      seeds.map((seed) => ({ image: path, prompt: question, method, seed, maxTokens: 24 })),
    ),
  );
  const answers = await model.generateBatch(requests, { maxStreams: 32 });
  return questions.map((question, q) =>
    Object.fromEntries(
      methods.map(({ name }, m) => {
        const start = (q * methods.length + m) * seeds.length;
        const texts = answers.slice(start, start + seeds.length).map(({ text }) => text);
        return [name, texts.map((text) => isRight(question, text))];
      }),
    ),
  );
}

function readQuestions(file) {
  const lines = readFileSync(join(bench, file), "utf8").trim().split("\n");
  return lines.map((line) => {
    const { image, text, label, answer, rubric, forbidden } = JSON.parse(line);
    const places = [join(bench, "images", basename(image)), join(bench, image)];
    const truth = label ?? answer;
    return { file, path: places.find(existsSync), question: text, truth, rubric, forbidden };
  });
}

/** In how many noise draws every method is right or wrong as under seed 0; the others do not depend on it. */
async function holds(candidate) {
  const seeds = Array.from({ length: NOISE_DRAWS }, (_, seed) => seed);
  const [drawn] = await rightness([candidate], NOISY, seeds);
  return seeds.filter((seed) =>
    NOISY.every(({ name }) => drawn[name][seed] === candidate.right[name]),
  ).length;
}

const candidates = [];
const counts = {};
for (const file of FILES) {
  const questions = readQuestions(file);
  const found = await rightness(questions, METHODS, [0]);
  const rights = found.map((byMethod) =>
    Object.fromEntries(Object.entries(byMethod).map(([name, [right]]) => [name, right])),
  );
  const count = (test) =>
    Object.fromEntries(METHODS.map(({ name }) => [name, rights.filter(test(name)).length]));
  counts[file] = {
    questions: questions.length,
    mended: count((name) => (right) => !right.regular && right[name]),
    spoilt: count((name) => (right) => right.regular && !right[name]),
  };
  candidates.push(...questions.map((question, i) => ({ ...question, right: rights[i] })));
  console.error(`${file}: ${JSON.stringify(counts[file])}`);
}
const chosen = await chooseExamples(candidates, async (candidate) => {
  const count = await holds(candidate);
  console.error(`${basename(candidate.path)} ${candidate.question}: ${count} of ${NOISE_DRAWS}`);
  return count;
});
await model.dispose();

const target = join(pocket, "demo");
rmSync(target, { recursive: true, force: true });
mkdirSync(target);
const questions = chosen.map(({ path, file, question, truth, rubric, forbidden, holds }) => {
  copyFileSync(path, join(target, basename(path)));
  return { image: basename(path), file, question, truth, rubric, forbidden, holds };
});
const demo = { draws: NOISE_DRAWS, counts, questions };
writeFileSync(join(target, "demo.json"), `${JSON.stringify(demo, null, 2)}\n`);
console.log(JSON.stringify(demo, null, 2));
