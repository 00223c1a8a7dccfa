/**
 * The middle value, or the mean of the middle two; null when there is none.
 *
 * @param values any order; not modified
 */
export function median(values: readonly number[]): number | null {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return null;
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
