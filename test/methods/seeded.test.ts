import { averaging, METHODS, type Method, methodNamed, vcd, vdgd, vti } from "groundsight";
import { fakeModel } from "groundsight/testing";
import { describe, expect, test } from "vitest";

const image = { data: new Uint8Array(12).fill(120), width: 2, height: 2, channels: 3 } as const;

/** Whether greedy answers of a model whose every answer depends on its whole context differ between seeds. */
async function dependsOnSeed(method: Method): Promise<boolean> {
  await using model = fakeModel();
  const texts = await Promise.all(
    [0, 1, 2].map(async (seed) => {
      const request = { image, prompt: "Is there a dog?", method, seed, maxTokens: 12 };
      return (await model.generate(request)).text;
    }),
  );
  return new Set(texts).size > 1;
}

describe("a method says whether its greedy answers depend on the seed", () => {
  // The fake model has no graphs to edit; what needs directions edits graphs too.
  const methods = Object.values(METHODS)
    .filter(({ settings }) => Object.values(settings).every(({ type }) => type !== "asset"))
    .map(({ name }) => methodNamed(name))
    .filter(({ needs }) => (needs.edits ?? []).length === 0);
  test.each(methods.map((method) => [method.name, method] as const))("%s", async (_, method) => {
    expect(await dependsOnSeed(method)).toBe(method.seeded === true);
  });

  test("one that carries another says it for both", () => {
    const image = { layers: 1, positions: 1, width: 2, data: Float32Array.of(1, 2) };
    const directions = { modelHash: "0", facts: {}, image };
    expect(vti({ directions, method: vcd() }).seeded).toBe(true);
    expect(vti({ directions, method: averaging() }).seeded).toBe(true);
    expect(vti({ directions, method: vdgd() }).seeded).toBeUndefined();
    expect(averaging({ method: vdgd() }).seeded).toBe(true);
  });
});
