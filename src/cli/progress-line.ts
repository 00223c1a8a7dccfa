import { type Params, SingleBar } from "cli-progress";
import type { Progress } from "../eval/index.js";

const LINE_EVERY_MS = 15_000;
const BAR_WIDTH = 20;

/**
 * Shows how far long work is, with rate, time left and the score so far: a bar kept up to date on a terminal, a line
 * every 15 seconds elsewhere.
 *
 * @param things what is counted
 */
export function progressLine(
  things = "answers",
  stream: NodeJS.WriteStream = process.stderr,
): {
  show: (progress: Progress) => void;
  end: () => void;
} {
  const start = performance.now();
  if (stream.isTTY === true) return barOn(things, stream, start);
  let last = start;
  return {
    show: (progress) => {
      const now = performance.now();
      if (now - last < LINE_EVERY_MS) return;
      last = now;
      stream.write(`${progressText(progress, now - start, things)}\n`);
    },
    end: () => undefined,
  };
}

function barOn(
  things: string,
  stream: NodeJS.WriteStream,
  start: number,
): ReturnType<typeof progressLine> {
  const format = (_: unknown, { progress }: Params, { shown }: { shown: Progress }) => {
    const parts = progressParts(shown, performance.now() - start, things);
    return fittingText(barText(progress), shown, parts, stream.columns || 80);
  };
  const bar = new SingleBar({ stream, format, clearOnComplete: true, fps: 5, hideCursor: null });
  return {
    show: (shown) => {
      if (bar.isActive) bar.update(shown.done, { shown });
      else bar.start(shown.total, shown.done, { shown });
    },
    end: () => bar.stop(),
  };
}

function barText(share: number): string {
  const full = Math.round(BAR_WIDTH * Math.min(1, share));
  return "\u2588".repeat(full) + "\u2591".repeat(BAR_WIDTH - full);
}

/**
 * For example `pope_random: 120 of 3000 answers, 5.2 a second, 9 min left; right so far: regular 81%, vcd 84%`. The rate is
 * this process's own.
 *
 * @param elapsedMs since this process began to answer
 */
export function progressText(progress: Progress, elapsedMs: number, things = "answers"): string {
  return progressParts(progress, elapsedMs, things).join("");
}

/** What is told, the weightiest first. */
function progressParts(progress: Progress, elapsedMs: number, things: string): string[] {
  const { done, total, answered, set, right = {} } = progress;
  const rate = answered / (elapsedMs / 1000);
  const left = rate > 0 ? durationText((total - done) / rate) : "unknown time";
  const shares = Object.entries(right).map(
    ([method, share], i) =>
      `${i === 0 ? "; right so far: " : ", "}${method} ${(100 * share).toFixed(0)}%`,
  );
  const head = `${set}: ${done} of ${total} ${things}`;
  return [head, `, ${rate.toFixed(1)} a second`, `, ${left} left`, ...shares];
}

/** As much as fits a line: parts are shown whole or not at all, so that no figure is the beginning of a longer one. */
function fittingText(
  bar: string,
  { done, total, set }: Progress,
  [head = "", ...more]: readonly string[],
  columns: number,
): string {
  const shorter = [head, `${set}: ${done} of ${total}`, `${done} of ${total}`];
  let text = [`${bar} ${head}`, ...shorter].find(({ length }) => length <= columns) ?? "";
  if (!text.endsWith(head)) return text;
  for (const part of more) {
    if (text.length + part.length > columns) break;
    text += part;
  }
  return text;
}

function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
