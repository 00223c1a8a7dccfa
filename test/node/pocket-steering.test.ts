import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { load } from "../../src/index.js";

const pocket = fileURLToPath(new URL("../../pocket/", import.meta.url));
const image = `${pocket}bench/test/images/test_000003.png`;
const hasPocket = existsSync(`${pocket}llava/config.json`) && existsSync(image);
if (!hasPocket) console.warn("SKIPPED: steering of pocket/llava, as it is not there");

/** Directions of the pocket's shapes that point anywhere. */
function anyDirections(layers: number, positions: number, width: number) {
  const data = Float32Array.from({ length: layers * positions * width }, (_, i) => Math.sin(i));
  return { layers, positions, width, data };
}

describe.skipIf(!hasPocket)("the pocket checkpoint, patched to be steered", () => {
  test.each(["fp32", "q8"] as const)(
    "answers as the stock one at strength 0, not at 3 (%s)",
    async (dtype) => {
      await using model = await load("pocket", { dtype, threads: 1 });
      const directions = {
        modelHash: await model.hash(),
        image: anyDirections(6, 65, 160),
        text: anyDirections(5, 1, 192),
        facts: {},
      };
      await using still = await model.steer(directions, { image: 0, text: 0 });
      await using moved = await model.steer(directions, { image: 3, text: 3 });
      const request = { image, prompt: "Describe the image.", maxTokens: 12, topLogprobs: 5 };
      const stock = await model.generate(request);
      expect((await still.generate(request)).tokens).toEqual(stock.tokens);
      expect((await moved.generate(request)).tokens).not.toEqual(stock.tokens);
    },
  );
});
