/** How far a metric moves between sampling seeds. */
export interface SeedSpread {
  readonly seeds: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Standard deviation of a sample (n - 1); null for one seed. */
  readonly standardDeviation: number | null;
}

/**
 * @param values one metric value for each seed; null when there are none
 */
export function seedSpread(values: readonly number[]): SeedSpread | null {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    seeds: values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    mean,
    standardDeviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null,
  };
}
