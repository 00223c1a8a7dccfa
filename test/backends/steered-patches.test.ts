import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Tensors } from "../../src/backends/onnx/runtime.js";
import { LocalModel } from "../../src/model/local-model.js";
import { STEERING_INPUTS } from "../../src/onnx/edits/steering.js";
import { image } from "../engine/asked.js";
import { fakeOnnxParts } from "./fake-onnx.js";
import { watched } from "./watched.js";

const directions = {
  modelHash: "fake",
  image: { layers: 1, positions: 1, width: 2, data: Float32Array.of(1, 0) },
  facts: {},
};

/** Strengths fed to a vision encoder that declares this many, for pixels of which each row is a patch. */
async function fedStrengths(declared: number | string): Promise<Tensors[string]> {
  const parts = fakeOnnxParts({ respond: () => "ok" });
  const fed: Tensors[] = [];
  const { strengths } = STEERING_INPUTS;
  const inputMetadata = [
    { name: strengths, isTensor: true, type: "float32", shape: [declared] },
  ] as const;
  const patched = {
    ...watched(parts.graphs.vision.session, (feeds) => {
      fed.push(feeds);
    }),
    inputMetadata,
  };
  const model = new LocalModel(
    new OnnxBackend({
      ...parts,
      graphs: { ...parts.graphs, openEdited: async () => patched },
      async openImage(source, signal) {
        const opened = await parts.openImage(source, signal);
        const process = async () => {
          const processed = await opened.process();
          const { data } = processed.pixels;
          return { ...processed, pixels: { data, dims: [data.length, 1] } };
        };
        return { ...opened, process };
      },
    }),
  );
  const steered = await model.steer(directions, { image: 0.4 });
  await steered.generate({ image, prompt: "?" });
  expect(fed).toHaveLength(1);
  return fed[0]![strengths]!;
}

test("a tower whose rows are patches, and which declares one strength, is fed one", async () => {
  expect(await fedStrengths(1)).toMatchObject({ dims: [1], data: Float32Array.of(0.4) });
});

test("patches of one image are fed one strength where the tower takes one for each image, too", async () => {
  expect(await fedStrengths("batch")).toMatchObject({ dims: [1], data: Float32Array.of(0.4) });
});
