// Speed and memory of decoding: regular against vcd, and against transformers.js on the same files.
//
//   npm run benchmark                      the pocket model and two synthetic 135M-parameter decoders
//   npm run benchmark -- --tiny            the same path on a tiny decoder, to see that it runs
//   npm run benchmark -- --only GroupQuery --past 64,800 --methods regular --starts 7
//   npm run benchmark -- --tokens 64 --threads 2 --json
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeSyntheticCheckpoint } from "../dist/testing/synthetic/checkpoint.js";

const { values } = parseArgs({
  options: {
    tiny: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    starts: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    methods: { type: "string", default: "regular,vcd" },
    tokens: { type: "string", default: "32" },
    threads: { type: "string", default: String(availableParallelism()) },
    past: { type: "string", default: "64,800,1600" },
    only: { type: "string" },
  },
});
const methods = values.methods.split(",");
const here = fileURLToPath(new URL(".", import.meta.url));
const SMALL = { layers: 2, width: 96, heads: 3, kvHeads: 1, feedForward: 192, vocabulary: 512 };
const M135 = { layers: 30, width: 576, heads: 9, kvHeads: 3, feedForward: 1536, vocabulary: 49280 };
const shape = values.tiny ? SMALL : M135;
const size = values.tiny ? "tiny" : "135M";

/** Folders to measure, each made when it is needed; all answers run to their limit of tokens. */
const MODELS = [
  { name: "pocket", make: copyPocket },
  { name: `synthetic ${size}, Concat`, make: (folder) => synthetic(folder, "concat") },
  {
    name: `synthetic ${size}, GroupQueryAttention`,
    make: (folder) => synthetic(folder, "group-query"),
  },
];

/** The pocket model without an end-of-text token. */
function copyPocket(folder) {
  cpSync(join(here, "../pocket/llava"), folder, {
    recursive: true,
    filter: (path) => !/safetensors|quantized/.test(path),
  });
  for (const file of ["config.json", "generation_config.json"]) {
    const content = JSON.parse(readFileSync(join(folder, file), "utf8"));
    writeFileSync(join(folder, file), JSON.stringify({ ...content, eos_token_id: 0 }));
  }
}

function synthetic(folder, attention) {
  return writeSyntheticCheckpoint(folder, {
    ...shape,
    attention,
    endTokens: [0],
    contextLength: 4096,
    maxPositions: 4096,
  });
}

/** A case in a process of its own, loaded and warm. */
async function start(options) {
  const child = fork(join(here, "measure.mjs"), [JSON.stringify(options)]);
  const ended = once(child, "exit").then(([status]) => {
    throw new Error(`${JSON.stringify(options)} ended with status ${status}`);
  });
  const told = async () => (await Promise.race([once(child, "message"), ended]))[0];
  const answer = () => {
    child.send("answer");
    return told();
  };
  await told();
  await answer();
  const stop = () => {
    ended.catch(() => {});
    child.kill();
  };
  return { answer, stop };
}

/**
 * Rounds of one answer each in processes started for them: the cases take turns, and another one begins each round, so
 * that a drift of the machine's speed meets all alike.
 */
async function measureOnce(cases) {
  const names = Object.keys(cases);
  const running = {};
  try {
    for (const name of names) running[name] = await start(cases[name]);
    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const answers = {};
      for (const i of names.keys()) {
        const name = names[(round + i) % names.length];
        answers[name] = await running[name].answer();
      }
      rounds.push(answers);
    }
    return rounds;
  } finally {
    for (const { stop } of Object.values(running)) stop();
  }
}

/**
 * The figures of several starts. Where a process's weights happen to lie in memory makes it some percent faster or
 * slower for its whole life, so that rounds without new starts would measure that.
 */
async function measure(cases) {
  const starts = [];
  for (let i = 0; i < Number(values.starts); i++) starts.push(summaryOf(await measureOnce(cases)));
  return starts;
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const median = (numbers) => sorted(numbers)[Math.floor(numbers.length / 2)];

/** Medians over the rounds of one start; ratios are taken within a round. */
function summaryOf(rounds) {
  const over = (figure) => median(rounds.map(figure));
  const ratio = (above, below) =>
    over((round) => round[above].msPerToken / round[below].msPerToken);
  return {
    past: rounds[0].regular.past,
    regularMs: over(({ regular }) => regular.msPerToken),
    peerMs: over(({ peer }) => peer.msPerToken),
    vcdRatio: methods.includes("vcd") ? ratio("vcd", "regular") : undefined,
    peerRatio: ratio("peer", "regular"),
    // A peak only grows.
    peakMiB: [...methods, "peer"].map((name) => rounds.at(-1)[name].peakMiB),
  };
}

/** Medians over the starts, and the least and largest ratio. */
function rowOf(model, starts) {
  const over = (figure) => median(starts.map(figure));
  const ratios = starts.map(({ peerRatio }) => peerRatio);
  return {
    model,
    past: starts[0].past,
    regularMs: over(({ regularMs }) => regularMs),
    peerMs: over(({ peerMs }) => peerMs),
    vcdRatio: methods.includes("vcd") ? over(({ vcdRatio }) => vcdRatio) : undefined,
    peerRatio: median(ratios),
    peerSpread: [Math.min(...ratios), Math.max(...ratios)],
    peakMiB: starts[0].peakMiB.map((_, i) => over(({ peakMiB }) => peakMiB[i])),
  };
}

const loadBefore = loadavg()[0].toFixed(1);
const rows = [];
for (const { name, make } of MODELS) {
  if (values.only !== undefined && !name.includes(values.only)) continue;
  if (name === "pocket" && !existsSync(join(here, "../pocket/llava/config.json"))) {
    process.stderr.write("pocket/llava is not there: skipped\n");
    continue;
  }
  const folder = mkdtempSync(join(tmpdir(), "groundsight-benchmark-"));
  try {
    await make(folder);
    for (const past of values.past.split(",").map(Number)) {
      const base = {
        folder,
        past,
        tokens: Number(values.tokens),
        threads: Number(values.threads),
      };
      const ours = methods.map((method) => [method, { ...base, engine: "groundsight", method }]);
      const peer = { ...base, engine: "transformers.js" };
      rows.push(rowOf(name, await measure({ ...Object.fromEntries(ours), peer })));
      process.stderr.write(`${name} at ${past}: done\n`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (values.json) {
  process.stdout.write(`${JSON.stringify({ ...values, rows }, null, 2)}\n`);
} else {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  process.stdout.write(
    `Node ${process.version}, ${values.threads} threads, float32, greedy, ${values.tokens} tokens per answer, ${values.starts} starts of ${values.rounds} rounds of one answer each in turn, medians; ms per token after the first. Load of the machine ${loadBefore} before, ${loadavg()[0].toFixed(1)} after.\n\n`,
  );
  process.stdout.write(
    line([
      "model",
      "past tokens",
      "regular ms (tokens/s)",
      "vcd / regular",
      "transformers.js ms",
      "ours faster by (spread over starts)",
      `peak MiB ${[...methods, "transformers.js"].join(" / ")}`,
    ]),
  );
  process.stdout.write(line(Array(7).fill("---")));
  for (const row of rows) {
    const { model, past, regularMs, peerMs, vcdRatio, peerRatio, peerSpread, peakMiB } = row;
    process.stdout.write(
      line([
        model,
        past,
        `${regularMs.toFixed(2)} (${(1000 / regularMs).toFixed(1)})`,
        vcdRatio?.toFixed(2) ?? "",
        peerMs.toFixed(2),
        `${peerRatio.toFixed(2)}x (${peerSpread.map((ratio) => ratio.toFixed(2)).join(" to ")})`,
        peakMiB.map((size) => size.toFixed(0)).join(" / "),
      ]),
    );
  }
}
