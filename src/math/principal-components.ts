import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { InvalidArgumentError, ShapeError } from "../errors.js";
import { meanOfRows } from "./mean-of-rows.js";

/** What {@link principalComponents} finds. */
export interface PrincipalComponents {
  /** Mean of the rows (d). */
  readonly mean: Float32Array;
  /** The first components, each of unit length (d), most variance first. */
  readonly components: readonly Float32Array[];
  /** Share of the total variance that each component explains, in [0, 1]. */
  readonly explained: readonly number[];
}

/**
 * The principal components of few long rows: with n rows X_c (centred) of d numbers and n << d, the eigenvectors u of
 * the small Gram matrix X_c X_c^T (n, n) give the components v = X_c^T u / s. Each sign is chosen so that the entry of
 * u of largest magnitude is positive, as scikit-learn does. The authors' script of VTI does so for the first component; it
 * gives later ones the sign that belongs to the first, that is an arbitrary one.
 *
 * @param rows n >= 2 rows of equal length d; not modified
 * @param rank number of components, from 1 to n - 1
 * @throws ShapeError for rows of unequal length
 * @throws InvalidArgumentError for too few rows or a rank out of range
 */
export function principalComponents(
  rows: readonly Float32Array[],
  rank: number,
): PrincipalComponents {
  const n = rows.length;
  const d = rows[0]?.length ?? 0;
  if (n < 2) throw new InvalidArgumentError(`rows: received ${n}; expected at least 2`);
  if (!(Number.isInteger(rank) && rank >= 1 && rank < n)) {
    throw new InvalidArgumentError(
      `rank: received ${rank}; expected an integer from 1 to ${n - 1}, one less than the rows`,
    );
  }
  if (rows.some((row) => row.length !== d)) throw new ShapeError("rows: expected equal lengths");
  const mean = meanOfRows(rows);
  return { mean, ...componentsAbout(rows, mean, rank) };
}

/**
 * The components of few long rows about a point: the right singular vectors of the rows less that point. About zero, they
 * are those of the rows themselves.
 *
 * @param centre (d)
 * @param rank number of components, from 1 to n
 */
export function componentsAbout(
  rows: readonly Float32Array[],
  centre: Float32Array,
  rank: number,
): Omit<PrincipalComponents, "mean"> {
  const { values, vectors } = eigenvectors(gramMatrix(rows, centre));
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  const components: Float32Array[] = [];
  const explained: number[] = [];
  for (let r = 0; r < rank; r++) {
    const variance = Math.max(values[r]!, 0);
    components.push(componentOf(rows, centre, vectors[r]!, Math.sqrt(variance)));
    explained.push(total > 0 ? variance / total : 0);
  }
  return { components, explained };
}

function gramMatrix(rows: readonly Float32Array[], mean: Float32Array): Matrix {
  const gram = Matrix.zeros(rows.length, rows.length);
  rows.forEach((a, i) => {
    for (let j = 0; j <= i; j++) {
      const b = rows[j]!;
      let dot = 0;
      for (let k = 0; k < a.length; k++) dot += (a[k]! - mean[k]!) * (b[k]! - mean[k]!);
      gram.set(i, j, dot);
      gram.set(j, i, dot);
    }
  });
  return gram;
}

/** Eigenvalues and unit eigenvectors of a symmetric matrix, largest first, signs fixed. */
function eigenvectors(matrix: Matrix): { values: number[]; vectors: number[][] } {
  const found = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const order = [...found.realEigenvalues.keys()].sort(
    (a, b) => found.realEigenvalues[b]! - found.realEigenvalues[a]!,
  );
  return {
    values: order.map((i) => found.realEigenvalues[i]!),
    vectors: order.map((i) => withFixedSign(found.eigenvectorMatrix.getColumn(i))),
  };
}

function withFixedSign(u: number[]): number[] {
  const largest = u.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return largest < 0 ? u.map((value) => -value) : u;
}

/** v = X_c^T u / s; zero when the rows do not vary. */
function componentOf(
  rows: readonly Float32Array[],
  mean: Float32Array,
  u: readonly number[],
  s: number,
): Float32Array {
  const sum = new Float64Array(mean.length);
  if (s < 1e-12) return new Float32Array(mean.length);
  rows.forEach((row, i) => {
    const weight = u[i]! / s;
    for (let k = 0; k < sum.length; k++) sum[k]! += weight * (row[k]! - mean[k]!);
  });
  return Float32Array.from(sum);
}
