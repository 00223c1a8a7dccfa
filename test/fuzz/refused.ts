import { GroundsightError } from "../../src/errors.js";

/** A case that takes longer is taken for one that might take for ever. */
const LONGEST_MS = 10_000;

/** How the cases went. */
export interface FuzzTally {
  readonly cases: number;
  readonly taken: number;
  readonly refused: number;
}

/**
 * Runs cases that must each end soon, well or with a typed error.
 *
 * @throws Error naming the first case that did not
 */
export async function fuzzed(
  cases: number,
  run: (index: number) => unknown,
  describe: (index: number) => string,
): Promise<FuzzTally> {
  let refused = 0;
  for (let index = 0; index < cases; index++) {
    const started = performance.now();
    try {
      await run(index);
    } catch (cause) {
      if (!GroundsightError.isInstance(cause)) {
        throw new Error(`case ${index} (${describe(index)}): untyped ${String(cause)}`, { cause });
      }
      refused++;
    }
    const tookMs = performance.now() - started;
    if (tookMs > LONGEST_MS) {
      throw new Error(`case ${index} (${describe(index)}) took ${tookMs.toFixed(0)} ms`);
    }
  }
  return { cases, taken: cases - refused, refused };
}
