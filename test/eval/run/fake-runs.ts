import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// It runs the package as it is built before the tests (test/global-setup.ts).
const script = fileURLToPath(new URL("fake-run.mjs", import.meta.url));

/** Answers of a whole run: 60 questions, 9 series. */
export const ALL_ANSWERS = 540;

/** What a fake run is told. */
export interface FakeRun {
  readonly out: string;
  /** Before each answer. */
  readonly pauseMs: number;
  /** It ends in order after so many; all by default. */
  readonly answers?: number;
  /** File to which it writes when it holds the folder, and until when. */
  readonly journal?: string;
  /** When it takes the folder, on the monotonic clock; as soon as it can by default. */
  readonly begin?: bigint;
  /** What runs it, such as `unshare`. */
  readonly container?: readonly string[];
}

/** Starts a fake evaluation; says "open" when it has opened its store, "refused: ..." when it may not. */
export function startRun({
  out,
  pauseMs,
  answers,
  journal,
  begin,
  container = [],
}: FakeRun): ChildProcess {
  const told = [out, pauseMs, answers ?? ALL_ANSWERS, journal ?? "", begin ?? 0].map(String);
  const [program = "", ...rest] = [...container, process.execPath, script, ...told];
  // A group of its own, so that unshare and what it starts die together.
  return spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"], detached: true });
}

/** Ends a run without warning. */
export function killRun(run: ChildProcess): void {
  process.kill(-run.pid!, "SIGKILL");
}

/** The stored answers; none when there is no store. */
export function answersOf(out: string): Promise<Buffer> {
  return readFile(join(out, "answers.jsonl")).catch(() => Buffer.of());
}
