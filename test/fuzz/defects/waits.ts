import { type FuzzBounds, type FuzzTally, fuzzed } from "../fuzzed.js";

/** A fuzzer that finds a case that waits for ever. */
export function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const run = (index: number) => (index === 3 ? new Promise(() => {}) : null);
  return fuzzed({ name: "waits", cases, seed, run, describe: () => "of three" }, bounds);
}
