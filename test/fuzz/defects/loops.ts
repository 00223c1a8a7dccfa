import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FuzzBounds, type FuzzTally, fuzzed } from "../fuzzed.js";

/** A fuzzer that finds a case that never gives the processor back, and leaves a folder. */
export function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  mkdtempSync(join(tmpdir(), "left-"));
  const run = (index: number) => {
    while (index === 3);
  };
  return fuzzed({ name: "loops", cases, seed, run, describe: () => "of three" }, bounds);
}
