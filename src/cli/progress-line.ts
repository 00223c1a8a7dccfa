import type { Progress } from "../eval/index.js";

const LINE_EVERY_MS = 15_000;

/**
 * Shows a run's progress with rate and time left: one line kept up to date on a terminal, a line every 15
 * seconds elsewhere.
 */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): {
  show: (progress: Progress) => void;
  end: () => void;
} {
  const start = performance.now();
  const terminal = stream.isTTY === true;
  let last = terminal ? Number.NEGATIVE_INFINITY : start;
  let shown = false;
  return {
    show: (progress) => {
      const now = performance.now();
      if (now - last < (terminal ? 200 : LINE_EVERY_MS)) return;
      last = now;
      shown = true;
      const text = progressText(progress, now - start);
      stream.write(terminal ? `\r\u001b[K${text}` : `${text}\n`);
    },
    end: () => {
      if (terminal && shown) stream.write("\r\u001b[K");
    },
  };
}

/**
 * For example `pope_random: 120 of 3000 answers, 5.2 a second, 9 min left`. The rate is this process's own.
 *
 * @param elapsedMs since this process began to answer
 */
export function progressText(progress: Progress, elapsedMs: number): string {
  const { done, total, answered, set } = progress;
  const rate = answered / (elapsedMs / 1000);
  const left = rate > 0 ? durationText((total - done) / rate) : "unknown time";
  return `${set}: ${done} of ${total} answers, ${rate.toFixed(1)} a second, ${left} left`;
}

function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
