import { SeededRandom } from "../../src/math/seeded-random.js";
import { addHiddenStates } from "../../src/onnx/edits/hidden-states.js";
import { patchCache } from "../../src/onnx/edits/patch-cache.js";
import { addSteering } from "../../src/onnx/edits/steering.js";
import { readModel } from "../../src/onnx/read-model.js";
import { writeModel } from "../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { mutatedBytes } from "./mutated-bytes.js";

const SHAPE = { layers: 2, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 40 };
const EDITS = [patchCache, addHiddenStates, addSteering].map(
  (edit) => (model: ReturnType<typeof readModel>) =>
    (edit as (...given: unknown[]) => { model: typeof model })(model, { positions: 1 }).model,
);

/** Mutated bytes of decoders through reading, every change of a graph, and writing. */
export function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const stocks = (["concat", "group-query"] as const).map((attention) =>
    // Weights lie elsewhere, so that most changes meet the graph itself.
    writeModel(makeSyntheticDecoder({ ...SHAPE, attention, weights: "external" })),
  );
  const run = (index: number) => {
    const random = new SeededRandom(seed, `graph ${index}`);
    const model = readModel(mutatedBytes(stocks[index % 2]!, random));
    writeModel(EDITS[random.integer(EDITS.length)]!(model));
  };
  const describe = () => "a graph";
  return fuzzed({ name: "graphs", cases: Math.min(cases, 2000), seed, run, describe }, bounds);
}
