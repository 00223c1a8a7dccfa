import { GroundsightError } from "../../src/errors.js";
import { residentMiB } from "./resident-memory.js";

/** What a run is bound by. */
export interface FuzzBounds {
  /** The first case; 0 by default. A case is the same wherever a run begins. */
  readonly first?: number;
  /** After so many seconds no further case is begun. */
  readonly seconds?: number;
  /** A case that takes longer is taken for one that might take for ever. Default 10. */
  readonly caseSeconds?: number;
  /** How much resident memory may grow from a tenth of the run to its end, in MiB. Default 128. */
  readonly growthMiB?: number;
  /** Told of each case before it begins: what watches a process that may never come back. */
  readonly onCase?: (index: number) => void;
}

/** What is run. */
export interface FuzzRun {
  readonly name: string;
  readonly cases: number;
  readonly seed: number;
  /** Runs one case; what it does depends on seed and index alone. */
  run(index: number): unknown;
  /** What the case was about, for messages. */
  describe(): string;
}

/** How the cases went. */
export interface FuzzTally {
  readonly cases: number;
  readonly taken: number;
  readonly refused: number;
  readonly longestMs: number;
  /** Resident memory before the first case, after a tenth of the run, and at its end, in MiB. */
  readonly memoryMiB: {
    readonly start: number;
    readonly tenth: number;
    readonly end: number;
    readonly bound: number;
  };
}

/** Longest message of an error that is shown to someone. */
const LONGEST_MESSAGE = 5000;

/**
 * Runs cases that must each end soon, well or with a typed error, without memory that is never given back.
 *
 * @throws Error naming seed and index of the first case that did not, or the growth
 */
export async function fuzzed(
  { name, cases, seed, run, describe }: FuzzRun,
  {
    first = 0,
    seconds = Number.POSITIVE_INFINITY,
    caseSeconds = 10,
    growthMiB = 128,
    onCase,
  }: FuzzBounds = {},
): Promise<FuzzTally> {
  const start = await residentMiB();
  const started = performance.now();
  let tenth: number | undefined;
  let refused = 0;
  let longestMs = 0;
  let done = 0;
  for (; done < cases; done++) {
    const share = Math.max(done / cases, (performance.now() - started) / 1000 / seconds);
    if (share >= 1) break;
    if (share >= 0.1) tenth ??= await residentMiB();
    const index = first + done;
    const fail = (what: string, cause?: unknown) =>
      new Error(`${name}, seed ${seed}, case ${index} (${describe()}): ${what}`, { cause });
    onCase?.(index);
    const begun = performance.now();
    try {
      await soon(run, index, caseSeconds);
    } catch (cause) {
      if (cause === LATE) throw fail(`not done after ${caseSeconds} s`);
      if (!GroundsightError.isInstance(cause)) throw fail(`untyped ${String(cause)}`, cause);
      if (cause.message.length > LONGEST_MESSAGE) throw fail("endless message", cause);
      refused++;
    }
    const tookMs = performance.now() - begun;
    if (tookMs > caseSeconds * 1000) throw fail(`took ${tookMs.toFixed(0)} ms`);
    longestMs = Math.max(longestMs, tookMs);
  }
  const end = await residentMiB();
  tenth ??= start;
  if (end - tenth > growthMiB) {
    throw new Error(
      `${name}, seed ${seed}: memory grew from ${tenth.toFixed(0)} MiB after a tenth to ${end.toFixed(0)} MiB after ${done} cases; expected at most ${growthMiB} MiB more`,
    );
  }
  const memoryMiB = { start, tenth, end, bound: growthMiB };
  return { cases: done, taken: done - refused, refused, longestMs, memoryMiB };
}

const LATE = Symbol("late");

/** Rejects with {@link LATE} when a case waits too long. One that never waits is ended by who watches the process. */
async function soon(run: FuzzRun["run"], index: number, seconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(LATE), seconds * 1000);
  });
  try {
    await Promise.race([late, run(index)]);
  } finally {
    clearTimeout(timer);
  }
}
