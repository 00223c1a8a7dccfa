/** What one pass over an array of numbers finds. */
export interface Scan {
  /** Index of the largest value, the first one where several are equal; -1 when there is none above -Infinity. */
  readonly best: number;
  readonly max: number;
  /** Index of a value that is NaN or Infinity; -1 when there is none. */
  readonly bad: number;
}

/**
 * Finds the largest value and whether there are any that are no numbers, in one pass.
 *
 * @param values (V), not modified; NaN entries are never the largest
 */
export function scan(values: Float32Array): Scan {
  let best = -1;
  let max = Number.NEGATIVE_INFINITY;
  let bad = -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > max) {
      max = value;
      best = i;
    } else if (bad < 0 && !(value <= max)) bad = i;
  }
  if (max === Number.POSITIVE_INFINITY) bad = best;
  return { best, max, bad };
}
