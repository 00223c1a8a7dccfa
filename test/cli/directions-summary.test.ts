import fc from "fast-check";
import { expect, test } from "vitest";
import { directionsSummary } from "../../src/cli/directions-file.js";
import type { JsonValue, SteeringDirections } from "../../src/index.js";

const directions = (facts: Readonly<Record<string, JsonValue>>): SteeringDirections => ({
  modelHash: "0".repeat(64),
  image: { layers: 1, positions: 1, width: 2, data: new Float32Array(2) },
  facts,
});

test("whatever facts a file has, it is told; figures only where there are any", () => {
  const fit = { explained: 0.5, norms: [1.25], halvesCosine: [0.75] };
  expect(directionsSummary(directions({ model: "m", image: fit }))).toMatch(/50\.0%[\s\S]*1\.250/);
  for (const norms of ["text", ["1"], [[1]], null, { length: 1 }]) {
    expect(directionsSummary(directions({ image: { ...fit, norms } }))).toContain("explained none");
  }
  for (const model of [{ toString: 1 }, null, [], 5] as JsonValue[]) {
    expect(directionsSummary(directions({ model, image: null }))).toContain("explained none");
  }
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("model", "image", "settings"), fc.jsonValue()),
      (facts) => {
        directionsSummary(directions(facts as Record<string, JsonValue>));
      },
    ),
  );
});
