import { Matrix, solve } from "ml-matrix";
import { InvalidArgumentError, ShapeError } from "../../index.js";

/** P(true) = 1 / (1 + exp(-(bias + sum_j weights_j x_j))). */
export interface LogisticModel {
  readonly bias: number;
  readonly weights: readonly number[];
}

/** Newton's method doubles its right digits at each step. */
const STEPS = 100;
const PRECISION = 1e-10;

/**
 * Logistic regression with an L2 penalty on the weights but not on the bias, as scikit-learn's with C = 1 / l2:
 *
 *     min  sum_i ln(1 + exp(-s_i (b + w x_i))) + l2 / 2 |w|^2,   s_i = 1 where true, else -1
 *
 * Newton's method, so that the result depends on nothing but the data.
 *
 * @param rows (n, d), of one scale; not modified
 * @param isTrue of each row; both kinds must occur
 * @param l2 above 0, with which there is one minimum, also where the classes can be separated
 */
export function logisticRegression(
  rows: readonly (readonly number[])[],
  isTrue: readonly boolean[],
  l2 = 1,
): LogisticModel {
  if (!(l2 > 0)) throw new InvalidArgumentError(`l2: received ${l2}; expected a number above 0`);
  const width = rows[0]?.length ?? 0;
  if (rows.length !== isTrue.length || rows.some((row) => row.length !== width)) {
    throw new ShapeError(
      `logistic regression: received ${isTrue.length} labels of ${rows.length} rows; expected one for each row, and rows of one length`,
    );
  }
  if (isTrue.every(Boolean) || !isTrue.some(Boolean)) {
    throw new InvalidArgumentError(
      `logistic regression: received ${rows.length} rows of one class; expected rows of both: take more data`,
    );
  }
  const inputs = rows.map((row) => [1, ...row]);
  let weights: number[] = new Array(width + 1).fill(0);
  let loss = lossOf(inputs, isTrue, weights, l2);
  for (let step = 0; step < STEPS; step++) {
    const change = newtonStep(inputs, isTrue, weights, l2);
    // Far from the minimum a whole step may go beyond it.
    let scale = 1;
    let next = weights;
    let nextLoss = loss;
    for (; scale > PRECISION; scale /= 2) {
      next = weights.map((w, j) => w - scale * change[j]!);
      nextLoss = lossOf(inputs, isTrue, next, l2);
      if (nextLoss <= loss) break;
    }
    const moved = scale * Math.max(...change.map(Math.abs));
    if (!(nextLoss <= loss)) break;
    [weights, loss] = [next, nextLoss];
    if (moved < PRECISION) break;
  }
  const [bias = 0, ...others] = weights;
  return { bias, weights: others };
}

/** The probability that a row is true. */
export function logisticProbability(
  { bias, weights }: LogisticModel,
  row: readonly number[],
): number {
  return sigmoid(weights.reduce((sum, weight, j) => sum + weight * row[j]!, bias));
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** H^-1 g of the loss. */
function newtonStep(
  inputs: readonly (readonly number[])[],
  isTrue: readonly boolean[],
  weights: readonly number[],
  l2: number,
): number[] {
  const gradient = weights.map((w, j) => (j === 0 ? 0 : l2 * w));
  const hessian = Matrix.diag(weights.map((_, j) => (j === 0 ? 0 : l2)));
  inputs.forEach((row, i) => {
    const p = sigmoid(dot(row, weights));
    const error = p - (isTrue[i] ? 1 : 0);
    row.forEach((x, j) => {
      gradient[j]! += error * x;
      row.forEach((y, k) => {
        hessian.set(j, k, hessian.get(j, k) + p * (1 - p) * x * y);
      });
    });
  });
  // Where all are predicted for certain, the bias has no curvature left.
  hessian.set(0, 0, hessian.get(0, 0) + Number.EPSILON);
  return solve(hessian, Matrix.columnVector(gradient)).to1DArray();
}

function lossOf(
  inputs: readonly (readonly number[])[],
  isTrue: readonly boolean[],
  weights: readonly number[],
  l2: number,
): number {
  const penalty = weights.reduce((sum, w, j) => (j === 0 ? sum : sum + (l2 / 2) * w * w), 0);
  return inputs.reduce((sum, row, i) => {
    const z = isTrue[i] ? -dot(row, weights) : dot(row, weights);
    return sum + Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  }, penalty);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}
