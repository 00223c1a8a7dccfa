/**
 * Where a falling curve bends: the index of the point that lies farthest below the chord from the first to the last one,
 * both axes scaled to [0, 1]. It is the knee that Kneedle finds on a convex curve.
 *
 *     elbow = argmax_i (1 - i / (n - 1)) - (y_i - y_min) / (y_max - y_min),  the first of equal ones
 *
 * @param values y (n), descending; not modified
 * @returns 0 where fewer than three values, or only equal ones, have no bend
 * @see Satopaa et al. 2011, "Finding a 'Kneedle' in a Haystack"
 */
export function elbow(values: ArrayLike<number>): number {
  const last = values.length - 1;
  const range = values[0]! - values[last]!;
  if (last < 2 || !(range > 0)) return 0;
  let best = 0;
  let farthest = 0;
  for (let i = 1; i < last; i++) {
    const distance = 1 - i / last - (values[i]! - values[last]!) / range;
    if (distance > farthest) {
      farthest = distance;
      best = i;
    }
  }
  return best;
}
