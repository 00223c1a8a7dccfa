/**
 * A matrix with an update of low rank: W + s L R.
 *
 * @param weight W, (rows, columns); not touched
 * @param left L, (rows, rank)
 * @param right R, (rank, columns)
 * @param scale s
 * @returns a new matrix (rows, columns); sums are made in float64
 */
export function addLowRank(
  weight: Float32Array,
  left: Float32Array,
  right: Float32Array,
  scale: number,
  rank: number,
): Float32Array {
  const columns = right.length / rank;
  const sum = new Float32Array(weight.length);
  const row = new Float64Array(columns);
  for (let i = 0; i * columns < weight.length; i++) {
    row.set(weight.subarray(i * columns, (i + 1) * columns));
    for (let k = 0; k < rank; k++) {
      const factor = scale * left[i * rank + k]!;
      for (let j = 0; j < columns; j++) row[j]! += factor * right[k * columns + j]!;
    }
    sum.set(row, i * columns);
  }
  return sum;
}

/** The transpose of a matrix of so many rows; a new array. */
export function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  const turned = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = matrix[i * columns + j]!;
  }
  return turned;
}
