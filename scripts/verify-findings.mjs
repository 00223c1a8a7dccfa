/**
 * What `verifyObjects` of groundsight/ai-sdk does to captions: CHAIR of the same model's captions as they are, with
 * doubtful sentences dropped and rewritten, paired over images; and as a control with the last object of every caption cut
 * off unasked. Calls the provider as the AI SDK does, in this process.
 *
 *     npm run build && node scripts/verify-findings.mjs [images, default 240] [prompt]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pLimit from "p-limit";
import { createGroundsight, verifyObjects } from "../dist/ai-sdk/index.js";
import {
  benchmarkNamed,
  compareMethods,
  metricIntervals,
  readDataFile,
  scoreAnswers,
} from "../dist/eval/index.js";
import { endBefore } from "../dist/objects/sentences.js";
import { verifyText } from "../dist/objects/verify-text.js";

const [count = "240", prompt = "Describe the image."] = process.argv.slice(2);
const folder = fileURLToPath(new URL("../pocket/bench/test", import.meta.url));
const AT_ONCE = 8;
const METRICS = ["chair_s", "recall"];
const WAYS = {
  plain: undefined,
  annotate: verifyObjects({ mode: "annotate" }),
  drop: verifyObjects({ mode: "drop" }),
  rewrite: verifyObjects({ mode: "rewrite" }),
};

const images = readFileSync(join(folder, "captions.jsonl"), "utf8")
  .trim()
  .split("\n")
  .slice(0, Number(count))
  .map((line) => JSON.parse(line).image);
const groundsight = createGroundsight();
const model = groundsight("pocket");

function ask(middleware, image) {
  const data = { type: "data", data: readFileSync(join(folder, "images", image)) };
  const content = [
    { type: "file", mediaType: "image/png", data },
    { type: "text", text: prompt },
  ];
  const params = { prompt: [{ role: "user", content }], temperature: 0, maxOutputTokens: 128 };
  const doGenerate = () => model.doGenerate(params);
  return middleware === undefined
    ? doGenerate()
    : middleware.wrapGenerate({ doGenerate, params, model });
}

const chair = benchmarkNamed("chair");
const truth = await readDataFile(join(folder, "objects_by_image.json"));
const questions = chair
  .load({ data: null, truth })
  .filter(({ image }) => images.some((name) => image.includes(name.replace(/\.png$/, ""))));

async function results(method, middleware) {
  const limit = pLimit(AT_ONCE);
  const start = performance.now();
  const answers = await Promise.all(
    images.map((image) =>
      limit(async () => {
        const { content, usage, providerMetadata } = await ask(middleware, image);
        const text = content.map((part) => part.text).join("");
        return { image, text, usage, told: providerMetadata.groundsight.verification };
      }),
    ),
  );
  return scored(method, answers, (performance.now() - start) / 1000);
}

function scored(method, answers, seconds) {
  const rows = answers.map(({ image, text }) => ({ id: image, text, where: image }));
  const { clusters } = scoreAnswers(chair, questions, rows, { rule: "colour-aware" });
  return { method, clusters, right: null, answers, seconds };
}

/** Captions without the last object that each names, whatever it is: what cutting does without asking. */
async function withoutLast({ answers }) {
  const cut = answers.map(async ({ text, ...answer }) => {
    const { mentions } = await verifyText(text, async () => ({ text: "Yes" }));
    const [previous, last] = mentions.slice(-2);
    return { ...answer, text: last ? `${text.slice(0, endBefore(text, previous, last))}.` : text };
  });
  return scored("without the last object", await Promise.all(cut), 0);
}

const all = [];
for (const [method, middleware] of Object.entries(WAYS)) {
  all.push(await results(method, middleware));
}
const [plain, ...others] = all;
const control = await withoutLast(plain);
all.push(control);
others.push(control);
const percent = ({ low, high }) => `${low.toFixed(1)} to ${high.toFixed(1)}`;
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
for (const { method, clusters, answers, seconds } of all) {
  const counts = [...clusters.values()];
  const metrics = chair.metrics.filter(({ name }) => METRICS.includes(name));
  const intervals = metricIntervals(counts, metrics);
  const total = counts.reduce((a, b) =>
    Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + b[name]])),
  );
  const figures = metrics.map(
    (metric) =>
      `${metric.name} ${metric.of(total).value.toFixed(1)} (${percent(intervals[metric.name])})`,
  );
  const told = answers.flatMap((answer) => answer.told ?? []);
  console.log(`${method}: ${answers.length} captions, ${figures.join(", ")}`);
  console.log(
    `  ${seconds.toFixed(0)} s, ${sum(answers.map(({ usage }) => usage.outputTokens.total))} tokens of output,`,
    `${sum(told.map(({ calls }) => calls.questions))} questions, ${sum(told.map(({ calls }) => calls.rewrites))} rewrites,`,
    `doubtful in ${told.filter(({ doubtful, draft }) => draft !== undefined || doubtful.length > 0).length},`,
    `outcomes ${JSON.stringify(Object.fromEntries(["unchanged", "shortened", "rewritten"].map((name) => [name, told.filter(({ outcome }) => outcome === name).length])))}`,
  );
}
for (const name of METRICS) {
  const metric = chair.metrics.find((one) => one.name === name);
  for (const { method, difference, interval, adjustedPValue, shown } of compareMethods(
    others,
    plain,
    metric,
  )) {
    console.log(
      `${name}: ${method} - plain ${difference.toFixed(1)} (${interval === null ? "no interval" : percent(interval)}), p = ${adjustedPValue.toPrecision(2)} corrected, shown: ${shown}`,
    );
  }
}
const example = others.at(-2).answers.find(({ told }) => told?.draft !== undefined);
if (example !== undefined)
  console.log(`for example: ${example.told.draft}\n          -> ${example.text}`);
await groundsight.dispose();
