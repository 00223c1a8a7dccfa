// Time per token of the methods, in turn in one process: what steering and grounding cost.
//
//   npm run build && node benchmarks/methods.mjs synthetic [rounds] [tokens] [names]     a 135M-parameter decoder, random directions
//   (synthetic-group-query: the same with GroupQueryAttention; names: regular,pai,heads)
// or on the pocket model:
//   npm run -s groundsight -- steer fit --demos pocket/bench/dev/demonstrations.jsonl --images pocket/bench/dev/images --out vti.safetensors
//   npm run build && node benchmarks/methods.mjs vti.safetensors [rounds] [tokens]
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  apc,
  averaging,
  deco,
  decodeDirections,
  described,
  dola,
  flb,
  heads,
  icd,
  load,
  m3id,
  nullu,
  pai,
  regular,
  ritual,
  vaf,
  vcd,
  vdd,
  vdgd,
  vista,
} from "../dist/index.js";
import { writeSyntheticCheckpoint } from "../dist/testing/synthetic/checkpoint.js";

const [steer, rounds = "15", tokens = "64", names] = process.argv.slice(2);
const here = fileURLToPath(new URL(".", import.meta.url));
const description = "There is a dog on the left. There is a banana that is blue on the right.";
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The pocket model without an end-of-text token, so that every answer has the same length. */
function copyPocket(folder) {
  const filter = (path) => !/safetensors|quantized/.test(path);
  cpSync(join(here, "../pocket/llava"), folder, { recursive: true, filter });
  for (const file of ["config.json", "generation_config.json"]) {
    const content = JSON.parse(readFileSync(join(folder, file), "utf8"));
    writeFileSync(join(folder, file), JSON.stringify({ ...content, eos_token_id: 0 }));
  }
}

const M135 = { layers: 30, width: 576, heads: 9, kvHeads: 3, feedForward: 1536, vocabulary: 49280 };

/** Random directions for the decoder of {@link M135}; what they point at does not change what they cost. */
function randomDirections(modelHash) {
  const { layers, width } = M135;
  const data = Float32Array.from({ length: layers * width }, (_, i) => Math.sin(i * 12.9898));
  return { modelHash, text: { layers, positions: 1, width, data }, facts: {} };
}

/** Four random vectors of each layer, not orthogonal: what they hold does not change what they cost. */
function projection({ modelHash }) {
  const { layers, width } = M135;
  const data = Float32Array.from(
    { length: layers * 4 * width },
    (_, i) => Math.sin(i * 78.233) / 1e3,
  );
  return nullu({
    directions: { modelHash, subspace: { layers, rank: 4, width, data }, facts: {} },
  });
}

const isSynthetic = steer.startsWith("synthetic");
const folder = mkdtempSync(join(tmpdir(), "groundsight-benchmark-"));
try {
  if (isSynthetic) {
    const options = {
      ...M135,
      attention: steer === "synthetic" ? "concat" : steer.replace("synthetic-", ""),
      endTokens: [],
      contextLength: 4096,
      maxPositions: 4096,
    };
    await writeSyntheticCheckpoint(folder, options);
  } else copyPocket(folder);
  const model = await load(folder, { threads: availableParallelism() });
  // Directions belong to a model's hash, which leaves out the configuration files.
  const directions = isSynthetic
    ? randomDirections(await model.hash())
    : decodeDirections(readFileSync(steer));
  const steered = await model.steer(directions, { image: isSynthetic ? 0 : 0.4, text: 0.4 });
  const cases = [
    { name: "regular", model, method: regular() },
    { name: "vti", model: steered, method: regular(), against: "regular" },
    { name: "apc", model, method: apc(), against: "regular" },
    { name: "flb", model, method: flb(), against: "regular" },
    { name: "vcd", model, method: vcd(), against: "regular" },
    { name: "icd", model, method: icd(), against: "regular" },
    { name: "vdd", model, method: vdd(), against: "regular" },
    { name: "m3id", model, method: m3id(), against: "regular" },
    { name: "ritual", model, method: ritual(), against: "regular" },
    { name: "pai", model, method: pai(), against: "regular" },
    { name: "pai, attention alone", model, method: pai({ gamma: 1 }), against: "regular" },
    { name: "heads", model, method: heads(), against: "regular" },
    { name: "vaf", model, method: vaf(), against: "regular" },
    { name: "deco", model, method: deco(), against: "regular" },
    { name: "dola", model, method: dola(), against: "regular" },
    { name: "vista", model, method: vista(), against: "regular" },
    ...(isSynthetic
      ? [{ name: "nullu", model, method: projection(directions), against: "regular" }]
      : []),
    { name: "averaging", model, method: averaging(), against: "regular" },
    { name: "described", model, method: described({ description }), against: "regular" },
    { name: "vdgd", model, method: vdgd({ description }), against: "described" },
  ].filter(({ name }) => names === undefined || names.split(",").includes(name));
  const image = join(here, "../pocket/bench/dev/images/dev_000000.png");
  const times = new Map(cases.map(({ name }) => [name, []]));
  for (let round = 0; round <= Number(rounds); round++) {
    for (const { name, model: handle, method } of cases) {
      const request = { image, prompt: "Describe the image.", method, maxTokens: Number(tokens) };
      const { timings, tokens: said } = await handle.generate(request);
      if (said.length !== Number(tokens))
        throw new Error(`${name} ended after ${said.length} tokens`);
      if (round > 0) times.get(name).push(timings.msPerToken);
    }
  }
  process.stdout.write(
    `${rounds} rounds, ${tokens} tokens an answer; ratios within a round, medians\n`,
  );
  for (const { name, against } of cases) {
    const own = times.get(name);
    const ratios = against && own.map((ms, i) => ms / times.get(against)[i]);
    const ratio = ratios ? `  ${median([...ratios]).toFixed(3)} x ${against}` : "";
    process.stdout.write(`${name.padEnd(10)} ${median([...own]).toFixed(2)} ms/token${ratio}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
