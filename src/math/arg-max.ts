import { ShapeError } from "../errors.js";

/**
 * Index of the largest value; the first one where several are equal. NaN entries are never chosen.
 *
 * @param values (V)
 * @throws ShapeError when `values` is empty
 */
export function argMax(values: ArrayLike<number>): number {
  if (values.length === 0)
    throw new ShapeError("argMax received an empty array; expected at least one value");
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i]! > values[best]! || Number.isNaN(values[best]!)) best = i;
  }
  return best;
}
