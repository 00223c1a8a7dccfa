/** The logit lens over images: against PyTorch (test/peers/make-lens.py), and against head and hidden states apart. */
import { readdirSync, readFileSync } from "node:fs";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, test, vi } from "vitest";
import type { ImageSource } from "../../src/engine/conversation.js";
import type { Model } from "../../src/engine/model.js";
import { InvalidArgumentError, ShapeError, UnsupportedCapabilityError } from "../../src/errors.js";
import { load } from "../../src/node/load.js";
import { makeNode, makeTensor } from "../../src/onnx/build.js";
import { addLogitLens } from "../../src/onnx/edits/logit-lens.js";
import { changed } from "../../src/onnx/graph-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import {
  CHECKPOINTS,
  largestDifference,
  openModel,
  picture,
  readReference,
} from "../checkpoints.js";

interface Golden {
  readonly tokens: readonly number[];
  /** (states, image tokens, asked tokens) */
  readonly layers: readonly (readonly (readonly number[])[])[];
}

const golden: {
  readonly pocket: Golden & { image: string; prompt: string };
  readonly "smolvlm-gqa": Golden;
} = JSON.parse(readFileSync(new URL("../golden/lens.json", import.meta.url), "utf8"));

async function lensOf(
  model: Model,
  prompt: string,
  image: ImageSource,
  tokens: readonly number[],
  layers?: readonly number[],
) {
  const probe = await model.probe();
  try {
    return await probe.imageLens(prompt, image, tokens, layers);
  } finally {
    await probe.dispose();
  }
}

function expectGolden(
  { layers, positions, logProbs }: Awaited<ReturnType<typeof lensOf>>,
  golden: Golden,
) {
  expect(layers).toEqual(golden.layers.map((_, layer) => layer));
  expect(positions).toBe(golden.layers[0]!.length);
  golden.layers.forEach((rows, layer) => {
    expect(largestDifference(logProbs[layer]!, rows.flat())).toBeLessThan(1e-4);
  });
}

describe("the lens is PyTorch's", () => {
  test("of pocket", async () => {
    await using model = await load("pocket", { threads: 1 });
    const { tokens, prompt, image } = golden.pocket;
    const path = new URL(`../../${image}`, import.meta.url);
    expectGolden(await lensOf(model, prompt, path, tokens), golden.pocket);
  });

  test("of a decoder with GroupQueryAttention", async () => {
    await using model = await openModel("smolvlm-gqa");
    const { images, cases } = readReference("smolvlm-gqa");
    const [shown, asked] = cases["one image"]!.turns[0]!.parts;
    expect(shown).toEqual({ image: 0 });
    const { text } = asked as { text: string };
    const of = golden["smolvlm-gqa"];
    expectGolden(await lensOf(model, text, picture(images[0]!), of.tokens), of);
  });
});

describe.each(readdirSync(CHECKPOINTS))("%s", (name) => {
  test("has a lens of every image token, whose probabilities sum to 1", async () => {
    await using model = await openModel(name);
    const { images } = readReference(name);
    const every = Array.from({ length: model.info.vocabularySize }, (_, token) => token);
    const lens = await lensOf(model, "What is it?", picture(images[0]!), every, [1, 0, 1]);
    expect(lens.layers).toEqual([0, 1]);
    expect(lens.positions).toBeGreaterThan(0);
    for (const all of lens.logProbs) {
      expect(all.length).toBe(lens.positions * every.length);
      for (let at = 0; at < all.length; at += every.length) {
        const sum = all.subarray(at, at + every.length).reduce((p, log) => p + Math.exp(log), 0);
        expect(sum).toBeCloseTo(1, 4);
      }
    }
  });
});

test("a probe's graphs are freed once: by itself, or with its model", async () => {
  // The runtime's types call its class a factory.
  const { prototype } = InferenceSession as unknown as { prototype: InferenceSession };
  const release = vi.spyOn(prototype, "release");
  const model = await openModel("smolvlm-gqa");
  const shown = picture(readReference("smolvlm-gqa").images[0]!);
  const [first, second] = await Promise.all([model.probe(), model.probe()]);
  await Promise.all([first, second].map((probe) => probe.imageLens("What?", shown, [1], [0])));
  await first.dispose();
  expect(release).toHaveBeenCalledTimes(1);
  await model.dispose();
  // The model's own three, and the other probe's.
  expect(release).toHaveBeenCalledTimes(5);
  await second.dispose();
  expect(release).toHaveBeenCalledTimes(5);
  release.mockRestore();
});

describe("what there is no lens of is refused", () => {
  test("no token, one that the model does not have, layers that it does not have", async () => {
    await using model = await openModel("smolvlm-gqa");
    const shown = picture(readReference("smolvlm-gqa").images[0]!);
    const asked = (tokens: readonly number[], layers?: readonly number[]) =>
      lensOf(model, "What?", shown, tokens, layers);
    await expect(asked([])).rejects.toThrow("received no token");
    await expect(asked([1e6])).rejects.toThrow(InvalidArgumentError);
    await expect(asked([1], [])).rejects.toThrow("received no layer");
    await expect(asked([1], [-1])).rejects.toThrow("received -1; expected layers");
    await expect(asked([1], [3])).rejects.toThrow(ShapeError);
    await expect(asked([1], [3])).rejects.toThrow("received layer 3; expected 0 to 2");
  });

  test("a head that reads the last position alone, by the name of what cuts it out", () => {
    const stock = makeSyntheticDecoder({
      ...{ layers: 2, heads: 2, kvHeads: 1, width: 8, feedForward: 16, vocabulary: 16 },
      attention: "concat",
    });
    const { nodes, initializers } = stock.graph;
    const cut = makeNode("Gather", ["", "at_last"], [], { attributes: { axis: 1 } });
    const model = changed(stock, {
      graph: changed(stock.graph, {
        nodes: nodes.map((node) =>
          node.name === "/Slice"
            ? changed(cut, {
                name: "/pick",
                inputs: [node.inputs[0]!, "at_last"],
                outputs: node.outputs,
              })
            : node,
        ),
        initializers: [...initializers, makeTensor("at_last", [], BigInt64Array.of(-1n))],
      }),
    });
    expect(() => addLogitLens(stock)).not.toThrow();
    expect(() => addLogitLens(model)).toThrow(UnsupportedCapabilityError);
    expect(() => addLogitLens(model)).toThrow(
      /head that can read any position, found Gather "\/pick"/,
    );
  });
});
