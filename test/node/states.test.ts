/** Hidden states: of a text model against PyTorch (test/peers/make-base-states.py), and of all tokens of a prompt. */
import { expect, test } from "vitest";
import { load } from "../../src/node/load.js";
import { loadTextModel } from "../../src/node/load-text-model.js";
import { largestDifference, openModel } from "../checkpoints.js";
import golden from "../golden/base_states.json" with { type: "json" };

test("of a text model are PyTorch's", async () => {
  await using base = await loadTextModel("pocket-base", { threads: 1 });
  const { states, layers, width } = await base.states!(golden.tokens, golden.from);
  expect(layers).toBe(golden.means.length);
  golden.means.forEach((means, layer) => {
    means.forEach((mean, i) => {
      expect(Math.abs(states[layer * width + i]! - mean)).toBeLessThan(2e-4);
    });
  });
  await expect(base.states!([1, 2], 2)).rejects.toThrow("from: received 2");
});

test("of a prompt are told for every token, with the place of the image", async () => {
  await using model = await load("pocket", { threads: 1 });
  const image = new URL("../../pocket/demo/dev_000010.png", import.meta.url);
  const probe = await model.probe();
  const seen = await probe.promptStates("Describe the image.", image);
  const blind = await probe.promptStates("Describe the image.");
  await probe.dispose();
  const [{ start, end } = { start: 0, end: 0 }, ...others] = seen.images;
  expect(others).toEqual([]);
  expect(end - start).toBe(64);
  expect(blind.images).toEqual([]);
  const shared = seen.tokens.findIndex((token, i) => token !== blind.tokens[i]);
  expect(shared).toBeGreaterThan(1);
  seen.states.forEach((state, layer) => {
    expect(state.length).toBe(seen.tokens.length * seen.width);
    // What stands before the image does not know of it.
    const before = shared * seen.width;
    const difference = largestDifference(
      state.subarray(0, before),
      blind.states[layer]!.subarray(0, before),
    );
    expect(difference).toBeLessThan(1e-3);
  });
  const { images } = await model.read(
    { image, prompt: "Describe the image.", answer: "A" },
    { onPosition: () => {} },
  );
  expect(images[0]!.flatMap(({ spans }) => spans)).toEqual(seen.images);
});

test("of a prompt with an image in pieces are told with the place of each", async () => {
  await using model = await openModel("idefics3-concat");
  const image = new URL("../../pocket/demo/dev_000010.png", import.meta.url);
  const probe = await model.probe();
  const { images, tokens, layers, states } = await probe.promptStates("What is it?", image);
  await probe.dispose();
  expect(images.length).toBeGreaterThan(0);
  expect(images.every(({ start, end }) => 0 <= start && start < end && end <= tokens.length)).toBe(
    true,
  );
  expect(states.length).toBe(layers);
});
