// Time per token of this build against another one's, in turn: regular, vcd and vti at 64 and 800 past tokens.
//
//   git worktree add ../other <commit> && (cd ../other && npm ci && npm run build)
//   npm run build && node benchmarks/compare-builds.mjs ../other [rounds] [tokens]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSyntheticCheckpoint } from "../dist/testing/synthetic/checkpoint.js";

const [other = "../other", rounds = "7", tokens = "32"] = process.argv.slice(2);
const here = fileURLToPath(new URL(".", import.meta.url));
const M135 = { layers: 30, width: 576, heads: 9, kvHeads: 3, feedForward: 1536, vocabulary: 49280 };
const builds = [
  { name: "other", dist: resolve(other, "dist") },
  { name: "this", dist: join(here, "../dist") },
];
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const folder = mkdtempSync(join(tmpdir(), "groundsight-benchmark-"));
try {
  const positions = { contextLength: 4096, maxPositions: 4096, endTokens: [] };
  await writeSyntheticCheckpoint(folder, { ...M135, attention: "concat", ...positions });
  const times = new Map(builds.map(({ name }) => [name, new Map()]));
  for (let round = 0; round < Number(rounds); round++) {
    // The order changes from round to round, so that neither build is always the first.
    for (const { name, dist } of round % 2 === 0 ? builds : builds.toReversed()) {
      const settings = { dist, folder, tokens: Number(tokens), repeats: 1, pasts: [64, 800] };
      const threads = availableParallelism();
      const argument = JSON.stringify({ ...settings, threads });
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [join(here, "measure-build.mjs"), argument],
        { encoding: "utf8" },
      );
      if (status !== 0) throw new Error(stderr);
      for (const [label, values] of Object.entries(JSON.parse(stdout))) {
        const all = times.get(name);
        all.set(label, [...(all.get(label) ?? []), median(values)]);
      }
    }
  }
  process.stdout.write(`${rounds} rounds, ${tokens} tokens an answer; medians over rounds\n`);
  for (const [label, own] of times.get("this")) {
    const others = times.get("other").get(label);
    const ratios = own.map((ms, i) => ms / others[i]);
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((x) => x.toFixed(3));
    process.stdout.write(
      `${label.padEnd(15)} ${median(others).toFixed(2)} -> ${median(own).toFixed(2)} ms/token  ${median(ratios).toFixed(3)} x (${low} to ${high})\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
