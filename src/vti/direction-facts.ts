import type { FittedDirection, StateShape } from "./directions.js";

/** Root mean square over tokens of each layer's direction length. */
export function layerNorms(
  direction: Float32Array,
  { layers, tokens, width }: StateShape,
): number[] {
  return Array.from({ length: layers }, (_, layer) => {
    const part = direction.subarray(layer * tokens * width, (layer + 1) * tokens * width);
    return Math.sqrt(part.reduce((sum, value) => sum + value * value, 0) / tokens);
  });
}

/**
 * How far directions of two halves of the demonstrations agree: per layer, the cosine between them, averaged over
 * tokens. Directions of noise give about 0, +- 1 / sqrt(width) where it points everywhere alike and more where it lies
 * in fewer dimensions.
 *
 * @param differences one row per demonstration
 * @param halves indices of the rows of each half
 */
export function halvesAgreement(
  differences: readonly Float32Array[],
  halves: readonly [readonly number[], readonly number[]],
  directionOf: (rows: Float32Array[]) => FittedDirection,
  { layers, tokens, width }: StateShape,
): number[] {
  const [a, b] = halves.map((half) => directionOf(half.map((i) => differences[i]!)).direction);
  return layerCosines(a!, b!, { layers, tokens, width });
}

/** Per layer, the cosine between two directions, averaged over tokens. */
export function layerCosines(
  a: Float32Array,
  b: Float32Array,
  { layers, tokens, width }: StateShape,
): number[] {
  return Array.from({ length: layers }, (_, layer) => {
    let sum = 0;
    for (let token = 0; token < tokens; token++) {
      const start = (layer * tokens + token) * width;
      sum += cosine(a.subarray(start, start + width), b.subarray(start, start + width));
    }
    return sum / tokens;
  });
}

/**
 * Per layer, how far the mean difference stands out of the differences' scatter:
 *
 *     |mean| sqrt(n) / rms,  rms = sqrt(mean |difference|^2)
 *
 * Differences of noise give about 1, differences that are all the same sqrt(n), which is the most; 0 where there is no
 * difference.
 *
 * @param differences one row (layers, tokens, width) per demonstration
 */
export function signalToNoise(
  differences: readonly Float32Array[],
  { layers, tokens, width }: StateShape,
): number[] {
  const size = tokens * width;
  return Array.from({ length: layers }, (_, layer) => {
    const sum = new Float64Array(size);
    let squares = 0;
    for (const difference of differences) {
      for (let i = 0; i < size; i++) {
        const value = difference[layer * size + i]!;
        sum[i]! += value;
        squares += value * value;
      }
    }
    // |sum / n| sqrt(n) / sqrt(squares / n) = |sum| / sqrt(squares)
    const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
    return squares === 0 ? 0 : length / Math.sqrt(squares);
  });
}

/** Cosine of the angle between two vectors; 0 when one has no length. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}
