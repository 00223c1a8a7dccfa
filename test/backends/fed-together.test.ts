/** Which contexts a decoder is fed in one run, by how its graph takes the past. */
import { Tensor } from "onnxruntime-common";
import { describe, expect, test } from "vitest";
import { DecoderRunner } from "../../src/backends/onnx/decoder.js";
import { DecoderCache } from "../../src/backends/onnx/decoder-cache.js";
import { readGeometry } from "../../src/backends/onnx/decoder-tensors.js";
import { type FakeCache, fakeDecoder } from "./fake-decoder.js";
import { watched } from "./watched.js";

/** Feeds contexts some tokens each, turn by turn, and tells the runs: contexts x tokens of each. */
async function runsOf(
  pastLayout: FakeCache["pastLayout"],
  turns: readonly (readonly number[])[],
  states: readonly [] | readonly ["conv.0"] = [],
): Promise<string[][]> {
  const layout = { pastLayout, returnsNewRows: true };
  const runs: string[][] = [];
  const stock = fakeDecoder(Tensor, layout, () => new Float32Array(2));
  const session = watched(stock, ({ inputs_embeds }) => {
    runs.at(-1)!.push(inputs_embeds!.dims.slice(0, 2).join("x"));
  });
  const withStates = async (...given: Parameters<typeof session.run>) => {
    const outputs = await session.run(...given);
    const [batch = 0] = outputs.logits!.dims;
    const state = () => new Tensor("float32", new Float32Array(batch), [batch, 1]);
    return {
      ...outputs,
      ...Object.fromEntries(states.map((name) => [`present_${name}`, state()])),
    };
  };
  const graph = { ...layout, feeds: {}, session: { ...session, run: withStates as never } };
  const geometry = {
    ...readGeometry(stock),
    states: states.map((name) => ({ name, dims: [1], ArrayType: Float32Array })),
  };
  const cache = new DecoderCache(geometry);
  cache.add([50, 50, 50], 8);
  const runner = new DecoderRunner({ Tensor }, graph);
  for (const counts of turns) {
    runs.push([]);
    const results = await runner.extend(
      cache,
      counts.map((count, slot) => ({
        slot,
        active: [],
        images: [],
        promptLength: 0,
        positions: [Int32Array.from({ length: count }, (_, i) => cache.lengths[slot]! + i)],
        tokens: { inputs_embeds: { data: new Float32Array(2 * count), dims: [count, 2] } },
      })),
    );
    expect(results.every((result) => "outputs" in result)).toBe(true);
  }
  return runs;
}

const TURNS = [
  [3, 5, 5],
  [1, 1, 1],
  [2, 1, 1],
];

describe("a decoder runs together", () => {
  test("whatever there is, where its mask says what is filled", async () => {
    expect(await runsOf("masked", TURNS)).toEqual([["3x5"], ["3x1"], ["3x2"]]);
  });

  test("single tokens alone, where it counts its rows", async () => {
    expect(await runsOf("counted", TURNS)).toEqual([
      ["1x3", "1x5", "1x5"],
      ["3x1"],
      ["1x2", "2x1"],
    ]);
  });

  test("contexts of equal past and equal lengths, where the past must be exact", async () => {
    expect(await runsOf("exact", TURNS)).toEqual([
      ["1x3", "2x5"],
      ["1x1", "2x1"],
      ["1x2", "2x1"],
    ]);
  });

  test("nothing that would be padded, where it has states of fixed size", async () => {
    expect(await runsOf("masked", TURNS, ["conv.0"])).toEqual([
      ["1x3", "2x5"],
      ["3x1"],
      ["1x2", "2x1"],
    ]);
  });
});
