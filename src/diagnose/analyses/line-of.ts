import type { Estimate, Series } from "../contract/analysis.js";

/**
 * Figures as the series of a line.
 *
 * @param xOf where each stands, by its index; the index itself by default
 */
export function lineOf(
  label: string,
  estimates: readonly Estimate[],
  xOf: (index: number) => number = (index) => index,
): Series {
  return { label, points: estimates.map((estimate, i) => ({ x: xOf(i), ...estimate })) };
}
