import { InvalidArgumentError } from "../../index.js";

/** Representations: a vector for each thing, all of one width. */
export type Vectors = readonly ArrayLike<number>[];

/** (n, n) of numbers for pairs of things, row by row. */
export interface Pairs {
  readonly n: number;
  readonly data: Float64Array;
}

/**
 * Linear centred kernel alignment: how alike two representations of the same things are, whatever their widths, rotations
 * and scales.
 *
 *     <HKH, HLH> / (|HKH| |HLH|),  K = X X^T, L = Y Y^T, H = I - 1/n
 *
 * @returns 0 to 1; null where a representation is the same for all things
 * @throws InvalidArgumentError when there are not as many of one as of the other
 * @see Kornblith et al. 2019, arXiv 1905.00414, equations 3 to 5
 */
export function linearCka(x: Vectors, y: Vectors): number | null {
  return kernelAlignment(products(x), products(y));
}

/**
 * Mutual k-nearest-neighbour alignment: the share of a thing's k nearest neighbours in one representation, by cosine, that
 * are among its k nearest in the other; the mean over all things. Of unrelated representations it is k / (n - 1).
 *
 * @param k 1 to n - 1
 * @returns 0 to 1
 * @throws InvalidArgumentError for another k, or when there are not as many of one as of the other
 * @see Huh et al. 2024, arXiv 2405.07987, appendix A
 */
export function mutualKnn(x: Vectors, y: Vectors, k: number): number {
  return sharedNeighbours(products(unit(x)), products(unit(y)), k);
}

/** Mean cosine of the two representations of one thing, and of those of two different things. */
export interface PairCosines {
  readonly matched: number;
  readonly unmatched: number;
}

/** @throws InvalidArgumentError when widths or numbers differ */
export function pairCosines(x: Vectors, y: Vectors): PairCosines {
  return cosinesOf(crossProducts(unit(x), unit(y)));
}

/**
 * The modality gap: how far the centres of two representations lie apart, each scaled to unit length.
 *
 *     | mean_i x_i / |x_i|  -  mean_i y_i / |y_i| |
 *
 * @returns 0 to 2
 * @see Liang et al. 2022, arXiv 2203.02053, section 2
 */
export function modalityGap(x: Vectors, y: Vectors): number {
  const [a, b] = [unit(x), unit(y)].map(centre);
  if (a!.length !== b!.length) throw widthsDiffer(a!.length, b!.length);
  return Math.sqrt(a!.reduce((sum, value, i) => sum + (value - b![i]!) ** 2, 0));
}

/** Inner products of each two vectors. */
export function products(x: Vectors): Pairs {
  return crossProducts(x, x);
}

/** Inner products of each vector with each of the others. */
export function crossProducts(x: Vectors, y: Vectors): Pairs {
  if (x.length !== y.length) throw numbersDiffer(x.length, y.length);
  const n = x.length;
  const [width, other] = [x[0]?.length ?? 0, y[0]?.length ?? 0];
  if (width !== other) throw widthsDiffer(width, other);
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += x[i]![d]! * y[j]![d]!;
      data[i * n + j] = sum;
    }
  }
  return { n, data };
}

/** Some of the things alone. */
export function among({ n, data }: Pairs, things: readonly number[]): Pairs {
  const few = new Float64Array(things.length ** 2);
  things.forEach((i, row) => {
    things.forEach((j, column) => {
      few[row * things.length + column] = data[i * n + j]!;
    });
  });
  return { n: things.length, data: few };
}

/** {@link linearCka} of inner products. */
export function kernelAlignment(k: Pairs, l: Pairs): number | null {
  if (k.n !== l.n) throw numbersDiffer(k.n, l.n);
  const [a, b] = [centred(k), centred(l)];
  const scale = Math.sqrt(inner(a, a) * inner(b, b));
  return scale > 0 ? inner(a, b) / scale : null;
}

/** {@link mutualKnn} of cosines. */
export function sharedNeighbours(x: Pairs, y: Pairs, k: number): number {
  if (x.n !== y.n) throw numbersDiffer(x.n, y.n);
  if (!Number.isInteger(k) || k < 1 || k > x.n - 1) {
    throw new InvalidArgumentError(
      `neighbours: received ${k} of ${x.n} things; expected 1 to ${x.n - 1}`,
    );
  }
  let shared = 0;
  for (let i = 0; i < x.n; i++) {
    const near = new Set(nearest(x, i, k));
    shared += nearest(y, i, k).filter((j) => near.has(j)).length;
  }
  return shared / (x.n * k);
}

/** {@link pairCosines} of the cosines of each two. */
export function cosinesOf({ n, data }: Pairs): PairCosines {
  let all = 0;
  let matched = 0;
  for (const value of data) all += value;
  for (let i = 0; i < n; i++) matched += data[i * n + i]!;
  return { matched: matched / n, unmatched: (all - matched) / (n * (n - 1)) };
}

/** Vectors scaled to length 1; those of zeros stay. */
export function unit(x: Vectors): Float64Array[] {
  return x.map((vector) => {
    let squares = 0;
    for (let d = 0; d < vector.length; d++) squares += vector[d]! ** 2;
    const length = Math.sqrt(squares);
    return Float64Array.from(vector, (value) => (length === 0 ? 0 : value / length));
  });
}

function nearest({ n, data }: Pairs, thing: number, k: number): number[] {
  const row = data.subarray(thing * n, (thing + 1) * n);
  const others = Array.from({ length: n }, (_, j) => j).filter((j) => j !== thing);
  return others.sort((a, b) => row[b]! - row[a]!).slice(0, k);
}

/** HKH. */
function centred({ n, data }: Pairs): Float64Array {
  const rows = new Float64Array(n);
  const columns = new Float64Array(n);
  let total = 0;
  data.forEach((value, at) => {
    rows[Math.floor(at / n)]! += value / n;
    columns[at % n]! += value / n;
    total += value / (n * n);
  });
  return data.map((value, at) => value - rows[Math.floor(at / n)]! - columns[at % n]! + total);
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function centre(x: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(x[0]?.length ?? 0);
  for (const vector of x) for (let d = 0; d < sum.length; d++) sum[d]! += vector[d]!;
  return sum.map((value) => value / x.length);
}

function numbersDiffer(x: number, y: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `representations: received ${x} and ${y} vectors; expected one of each for every thing`,
  );
}

function widthsDiffer(x: number, y: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `representations: received widths ${x} and ${y}; cosines are of vectors of one width`,
  );
}
