// Speed and memory of decoding: regular against vcd, and against transformers.js on the same files.
//
//   npm run benchmark                      the pocket model and two synthetic 135M-parameter decoders
//   npm run benchmark -- --tiny            the same path on a tiny decoder, to see that it runs
//   npm run benchmark -- --rounds 5 --tokens 64 --threads 2 --json
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeSyntheticCheckpoint } from "../dist/testing/synthetic/checkpoint.js";

const { values } = parseArgs({
  options: {
    tiny: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    repeats: { type: "string", default: "2" },
    tokens: { type: "string", default: "32" },
    threads: { type: "string", default: String(availableParallelism()) },
    past: { type: "string", default: "64,800,1600" },
    only: { type: "string" },
  },
});
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

function measure(options) {
  const run = spawnSync(process.execPath, [join(here, "measure.mjs"), JSON.stringify(options)], {
    encoding: "utf8",
  });
  if (run.status !== 0) throw new Error(`${JSON.stringify(options)} failed:\n${run.stderr}`);
  return JSON.parse(run.stdout.trim().split("\n").at(-1));
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Medians over the rounds; ratios are taken within a round. */
function summary(model, rounds) {
  const over = (figure) => median(rounds.map(figure));
  return {
    model,
    past: rounds[0].regular.past,
    regularMs: over(({ regular }) => regular.msPerToken),
    peerMs: over(({ peer }) => peer.msPerToken),
    vcdRatio: over(({ regular, vcd }) => vcd.msPerToken / regular.msPerToken),
    peerRatio: over(({ regular, peer }) => peer.msPerToken / regular.msPerToken),
    peakMiB: ["regular", "vcd", "peer"].map((kind) => over((round) => round[kind].peakMiB)),
  };
}

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
        repeats: Number(values.repeats),
        threads: Number(values.threads),
      };
      // In turn, round by round, so that a drift of the machine's speed meets all three alike.
      const rounds = Array.from({ length: Number(values.rounds) }, () => ({
        regular: measure({ ...base, engine: "groundsight", method: "regular" }),
        vcd: measure({ ...base, engine: "groundsight", method: "vcd" }),
        peer: measure({ ...base, engine: "transformers.js", method: "regular" }),
      }));
      rows.push(summary(name, rounds));
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
    `Node ${process.version}, ${values.threads} threads, float32, greedy, ${values.tokens} tokens per answer, ${values.rounds} rounds in turn of ${values.repeats} answers, medians; ms per token after the first.\n\n`,
  );
  process.stdout.write(
    line([
      "model",
      "past tokens",
      "regular ms (tokens/s)",
      "vcd / regular",
      "transformers.js ms",
      "ours faster by",
      "peak MiB regular / vcd / transformers.js",
    ]),
  );
  process.stdout.write(line(Array(7).fill("---")));
  for (const { model, past, regularMs, peerMs, vcdRatio, peerRatio, peakMiB } of rows) {
    process.stdout.write(
      line([
        model,
        past,
        `${regularMs.toFixed(2)} (${(1000 / regularMs).toFixed(1)})`,
        vcdRatio.toFixed(2),
        peerMs.toFixed(2),
        `${peerRatio.toFixed(2)}x`,
        peakMiB.map((size) => size.toFixed(0)).join(" / "),
      ]),
    );
  }
}
