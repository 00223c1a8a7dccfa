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
 * tokens. Directions of noise give about 0 +- 1 / sqrt(width).
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
  return Array.from({ length: layers }, (_, layer) => {
    let sum = 0;
    for (let token = 0; token < tokens; token++) {
      const start = (layer * tokens + token) * width;
      sum += cosine(a!.subarray(start, start + width), b!.subarray(start, start + width));
    }
    return sum / tokens;
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
