import { median } from "../../index.js";
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
