// What explaining an answer costs, over generating the same answer: image under noise, no image, and the base LLM.
//
//   npm run --silent build && node benchmarks/explain.mjs            the pocket model with its base LLM
//   node benchmarks/explain.mjs --synthetic                          and a 135M decoder (without a base LLM)
//   node benchmarks/explain.mjs --rounds 9 --threads 2 --json
//
// Both are done in turns on one image after the other, their order changing from round to round. Nothing is cached between
// images: generating encodes the image and reads the prompt, explaining encodes the image and its noisy copy and reads
// three prompts. Medians over rounds, and of the ratio within a round; time of the CPU as well, which other work on the
// machine hardly changes.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { explainAnswer } from "../dist/diagnose/index.js";
import { load, loadTextModel, median } from "../dist/index.js";
import { writeSyntheticCheckpoint } from "../dist/testing/synthetic/checkpoint.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "21" },
    threads: { type: "string", default: "1" },
    tokens: { type: "string", default: "48" },
    synthetic: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const threads = Number(values.threads);
const images = fileURLToPath(new URL("../pocket/bench/dev/images/", import.meta.url));
const names = readdirSync(images).sort();

async function timed(task) {
  const [startedAt, before] = [performance.now(), process.cpuUsage()];
  await task();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** @param base a text model, or null */
async function measure(name, model, base, maxTokens) {
  const made = [];
  // The first two rounds warm up.
  for (let round = -2; round < rounds; round++) {
    const image = join(images, names[(round + names.length) % names.length]);
    const question = { image, prompt: "Describe the image." };
    const known = await model.generate({ ...question, maxTokens });
    const answer = known.tokens.map(({ id }) => id);
    const generate = () => timed(() => model.generate({ ...question, maxTokens }));
    const explain = () => timed(() => explainAnswer(model, { ...question, answer }, { base }));
    let generated = round % 2 === 0 ? await generate() : undefined;
    const explained = await explain();
    generated ??= await generate();
    if (round >= 0) made.push({ tokens: answer.length, generated, explained });
  }
  return {
    name,
    tokens: median(made.map(({ tokens }) => tokens)),
    generateMs: median(made.map(({ generated }) => generated.ms)),
    explainMs: median(made.map(({ explained }) => explained.ms)),
    ratio: median(made.map(({ generated, explained }) => explained.ms / generated.ms)),
    generateCpuMs: median(made.map(({ generated }) => generated.cpuMs)),
    explainCpuMs: median(made.map(({ explained }) => explained.cpuMs)),
    cpuRatio: median(made.map(({ generated, explained }) => explained.cpuMs / generated.cpuMs)),
  };
}

const uncached = { threads, visionCacheMiB: 0, prefixCacheMiB: 0 };
const results = [];
{
  const model = await load("pocket", uncached);
  const base = await loadTextModel("pocket-base", { threads });
  results.push(await measure("pocket, with its base LLM", model, base, Number(values.tokens)));
  results.push(await measure("pocket, without a base LLM", model, null, Number(values.tokens)));
  await Promise.all([model.dispose(), base.dispose()]);
}
if (values.synthetic) {
  const folder = mkdtempSync(join(tmpdir(), "groundsight-explain-"));
  try {
    await writeSyntheticCheckpoint(folder, {
      ...{ layers: 30, width: 576, heads: 9, kvHeads: 3, feedForward: 1536, vocabulary: 49280 },
      ...{ attention: "group-query", endTokens: [0], contextLength: 4096, maxPositions: 4096 },
    });
    const model = await load(folder, uncached);
    results.push(await measure("synthetic 135M, without", model, null, Number(values.tokens)));
    await model.dispose();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const load1 = loadavg()[0].toFixed(1);
if (values.json) console.log(JSON.stringify({ threads, rounds, load1, results }, null, 2));
else {
  console.log(
    `${rounds} rounds, ${threads} threads, ${availableParallelism()} cores, load ${load1}`,
  );
  for (const { name, tokens, ...one } of results) {
    const wall = `${one.generateMs.toFixed(1)} ms, explaining ${one.explainMs.toFixed(1)} ms, ratio ${one.ratio.toFixed(2)}`;
    const cpu = `CPU ${one.generateCpuMs.toFixed(1)} ms and ${one.explainCpuMs.toFixed(1)} ms, ratio ${one.cpuRatio.toFixed(2)}`;
    console.log(`${name}: ${tokens} tokens: generating ${wall}; ${cpu}`);
  }
}
