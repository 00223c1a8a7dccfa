/** The mean of rows of equal length (d), summed in double precision; empty without rows. */
export function meanOfRows(rows: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) for (let i = 0; i < sum.length; i++) sum[i]! += row[i]!;
  return Float32Array.from(sum, (value) => value / rows.length);
}
