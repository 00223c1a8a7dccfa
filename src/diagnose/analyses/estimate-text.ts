import type { Estimate } from "../contract/analysis.js";

/** For example `3.2 (2.8 to 3.7)`; `undefined` where there is no value. */
export function estimateText({ value, low, high }: Estimate, digits = 2): string {
  if (value === null) return "undefined";
  const shown = value.toFixed(digits);
  return low === null || high === null
    ? shown
    : `${shown} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

/** What an interval says of a claim that a figure is above a bound: it agrees, contradicts, or shows neither. */
export function against({ low, high }: Estimate, bound: number): "agrees" | "contradicts" | "open" {
  if (low !== null && low > bound) return "agrees";
  return high !== null && high < bound ? "contradicts" : "open";
}

/** For example `= 0.03`, `< 0.001`. */
export function pText(p: number): string {
  return p < 0.001 ? "< 0.001" : `= ${p.toPrecision(2)}`;
}
