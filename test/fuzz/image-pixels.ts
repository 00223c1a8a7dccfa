import type { SeededRandom } from "../../src/math/seeded-random.js";
import { pick } from "./mutated.js";

const SIDES: readonly unknown[] = [
  1,
  2,
  3,
  8,
  0,
  -1,
  1.5,
  51,
  20_000,
  60_000,
  2 ** 31,
  2 ** 53,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "8",
  null,
  undefined,
  {},
  8n,
  Symbol("side"),
];
const CHANNELS: readonly unknown[] = [
  1,
  3,
  4,
  3,
  4,
  0,
  2,
  5,
  -3,
  0.5,
  Number.NaN,
  "3",
  null,
  undefined,
  [3],
];

/** Pixels as a program may give them: right, of a wrong length or type, with sizes that are none. */
export function anyPixels(random: SeededRandom): unknown {
  const isPlain = random.integer(3) > 0;
  const side = () => (isPlain ? 1 + random.integer(60) : pick(random, SIDES));
  const [width, height] = [side(), side()];
  const channels = random.integer(3) > 0 ? pick(random, [1, 3, 4]) : pick(random, CHANNELS);
  const told = [width, height, channels].map((one) => (typeof one === "number" ? one : 1));
  const right = told.reduce((product, one) => product * one, 1);
  const length = right >= 0 && right <= 1e6 ? Math.floor(right) : 12;
  const off = random.integer(4) === 0 ? pick(random, [-1, 1, -length, length, 3]) : 0;
  return { data: data(Math.max(0, length + off), random), width, height, channels };
}

function data(length: number, random: SeededRandom): unknown {
  const bytes = Uint8Array.from({ length }, () => random.integer(256));
  const kind = random.integer(14);
  if (kind === 0) return new Uint8ClampedArray(bytes);
  if (kind === 1) return Buffer.from(bytes);
  if (kind === 2) return Float32Array.from(bytes);
  if (kind === 3) return Uint16Array.from(bytes);
  if (kind === 4) return [...bytes];
  if (kind === 5) return bytes.buffer;
  if (kind === 6) return pick(random, [null, undefined, "pixels", 7, { length }, () => bytes]);
  if (kind === 7) {
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return bytes;
  }
  if (kind === 8) {
    const shared = new Uint8Array(new SharedArrayBuffer(length));
    shared.set(bytes);
    return shared;
  }
  if (kind === 9) return new Proxy(bytes, {});
  return bytes;
}
