/**
 * How many values are larger than one of them: 0 for the largest, and for all that equal it.
 *
 * @param values (V), not modified
 * @param index of the value
 */
export function rankOf(values: ArrayLike<number>, index: number): number {
  const value = values[index]!;
  let rank = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > value) rank++;
  return rank;
}
