import { SeededRandom } from "../../src/math/seeded-random.js";
import { decodeDirections, encodeDirections } from "../../src/vti/directions-file.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { mutatedBytes } from "./mutated-bytes.js";

const HOSTILE = ["null", "5", "[]", '"x"', "{}", '{"a":1}', '"{"', "[[]]", "-1", "1e999"];

/** Mutated directions files, by byte and by value of their header, through reading. */
export function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const data = Float32Array.from({ length: 12 }, (_, i) => i / 8);
  const text = { layers: 2, positions: 1, width: 6, data };
  const stock = encodeDirections({ modelHash: "0".repeat(64), text, facts: { rank: 1 } });
  const length = Number(new DataView(stock.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(stock.subarray(8, 8 + length));
  const run = (index: number) => {
    const random = new SeededRandom(seed, `directions ${index}`);
    if (index % 2 === 0) return decodeDirections(mutatedBytes(stock, random));
    const values = [...header.matchAll(/(?<=:)(\{[^{}]*\}|\[[^\]]*\]|"[^"]*"|\d+)/g)];
    const value = values[random.integer(values.length)]!;
    const other = HOSTILE[random.integer(HOSTILE.length)]!;
    const changed = new TextEncoder().encode(
      header.slice(0, value.index) + other + header.slice(value.index + value[0].length),
    );
    const bytes = new Uint8Array(8 + changed.length + 48);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(changed.length), true);
    bytes.set(changed, 8);
    bytes.set(stock.subarray(8 + length), 8 + changed.length);
    return decodeDirections(bytes);
  };
  const describe = () => "a directions file";
  return fuzzed(
    { name: "directions", cases: Math.min(cases, 20_000), seed, run, describe },
    bounds,
  );
}
