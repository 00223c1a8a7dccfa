import { expect, test } from "vitest";
import type { SteeringDirections } from "../../src/engine/directions.js";
import { DatasetError } from "../../src/errors.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { decodeDirections, encodeDirections } from "../../src/vti/directions-file.js";

const good: SteeringDirections = {
  modelHash: "0".repeat(64),
  image: { layers: 1, positions: 2, width: 2, data: new Float32Array([1, 2, 3, 4]) },
  text: { layers: 1, positions: 1, width: 2, data: new Float32Array([5, 6]) },
  facts: { model: "m", demonstrations: 4, image: { explained: 1, norms: [1] } },
};

/** A file with another header. */
function withHeader(header: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + 24);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const metadata = { format: "groundsight-directions", version: "1", modelHash: "0" };
const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

test.each([
  ["no metadata", { __metadata__: null }, "__metadata__"],
  ["metadata of no texts", { __metadata__: { ...metadata, format: { toString: 1 } } }, "texts"],
  ["metadata in a list", { __metadata__: ["a"] }, "texts"],
  ["facts that are no JSON", { __metadata__: { ...metadata, facts: "{" } }, "facts are no JSON"],
  ["facts that are null", { __metadata__: { ...metadata, facts: "null" } }, "facts"],
  ["facts nested deep", { __metadata__: { ...metadata, facts: `{"a":${deep}}` } }, "32 deep"],
  ["a dtype that is no text", { a: { dtype: { toString: 1 }, shape: [1] } }, "dtype of no text"],
  ["an entry that is null", { a: null }, "dtype"],
])("refuses %s by type", (_, header, message) => {
  expect(() => decodeDirections(withHeader(header))).toThrow(DatasetError);
  expect(() => decodeDirections(withHeader(header))).toThrow(message);
});

test("20,000 damaged files are read or refused by type", () => {
  const bytes = encodeDirections(good);
  const random = new SeededRandom(0, "damaged directions");
  const below = (limit: number) => random.integer(limit);
  const untyped: unknown[] = [];
  for (let round = 0; round < 20_000; round++) {
    const damaged = bytes.slice(0, round % 5 === 0 ? below(bytes.length) : bytes.length);
    for (let i = 0; i <= below(3) && damaged.length > 0; i++) {
      // Characters that mean something in JSON are the ones that hurt.
      const signs = '[]{}",:0n-e\\ ';
      damaged[below(damaged.length)] =
        round % 2 === 0 ? below(256) : signs.charCodeAt(below(signs.length));
    }
    try {
      decodeDirections(damaged);
    } catch (error) {
      if (!(error instanceof DatasetError)) untyped.push(error);
    }
  }
  expect(untyped).toEqual([]);
});
