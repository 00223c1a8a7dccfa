import type { StoredTiming } from "../store/stored-rows.js";
import type { DecodingCost } from "./run-analysis.js";

/**
 * What decoding cost over some answers. Timings of runs made before the time of decoding was kept, and of
 * empty answers, tell nothing.
 */
export function decodingCost(timings: readonly StoredTiming[]): DecodingCost | null {
  const known = timings.flatMap(({ decodeMs, tokens, batch = 1 }) =>
    decodeMs === undefined || tokens === 0 ? [] : [{ msPerToken: decodeMs / tokens, batch }],
  );
  const msPerToken = median(known.map((one) => one.msPerToken));
  if (msPerToken === null) return null;
  return { msPerToken, batch: known.reduce((most, { batch }) => Math.max(most, batch), 1) };
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
