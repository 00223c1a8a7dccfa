import { meanOfRows } from "../math/mean-of-rows.js";
import { principalComponents } from "../math/principal-components.js";

/** A direction for each layer, and how well it sums up the differences it was made from. */
export interface FittedDirection {
  /** (layers, tokens, width), the first layer being the embeddings. */
  readonly direction: Float32Array;
  /** Mean over groups of the share of variance that the components explain, in [0, 1]; 0 without components. */
  readonly explained: number;
}

/**
 * How one direction is made of many differences:
 *
 * - `component`: their mean plus their first principal component(s), as the authors' code; a component of centred
 *   differences has no sign of its own;
 * - `mean`: their mean;
 * - `unit-mean`: the mean of the differences, each brought to unit length in each layer and at each position, so that no
 *   demonstration counts more than another.
 */
export type Estimator = "component" | "mean" | "unit-mean";

/** What an estimator is told. */
export interface EstimatorOptions {
  readonly estimator: Estimator;
  /** Number of components; of no matter without any. */
  readonly rank: number;
  /** Numbers of one hidden state. */
  readonly width: number;
}

/**
 * One direction of a set of paired differences.
 *
 * @param differences one row per demonstration, a whole number of states each; not modified
 */
export function estimateDirection(
  differences: readonly Float32Array[],
  { estimator, rank, width }: EstimatorOptions,
): FittedDirection {
  if (estimator === "component") return textualDirection(differences, rank);
  const rows =
    estimator === "mean" ? differences : differences.map((row) => ofUnitLength(row, width));
  return { direction: meanOfRows(rows), explained: 0 };
}

/** Every state of a row divided by its length; one without length stays as it is. */
function ofUnitLength(row: Float32Array, width: number): Float32Array {
  const scaled = row.slice();
  for (let start = 0; start < row.length; start += width) {
    const state = scaled.subarray(start, start + width);
    const length = Math.sqrt(state.reduce((sum, value) => sum + value * value, 0));
    if (length > 0) for (let i = 0; i < state.length; i++) state[i]! /= length;
  }
  return scaled;
}

/** How differences over demonstrations are cut into groups, each with principal components of its own. */
export type VisualGrouping = "token" | "official";

/** The shape of hidden states. */
export interface StateShape {
  /** Hidden states, the embeddings included. */
  readonly layers: number;
  readonly tokens: number;
  readonly width: number;
}

/**
 * The steering direction of a set of paired differences: the sum of their first principal components and their mean.
 *
 *     d = sum_r v_r + mean
 *
 * @param differences one row (d) per demonstration; not modified
 * @param rank number of components; the authors use 1
 * @see Liu et al. 2025 (arXiv 2410.15778), section 4
 */
export function textualDirection(
  differences: readonly Float32Array[],
  rank: number,
): FittedDirection {
  const { mean, components, explained } = principalComponents(differences, rank);
  const direction = mean.slice();
  for (const component of components)
    for (let i = 0; i < direction.length; i++) direction[i]! += component[i]!;
  return { direction, explained: explained.reduce((sum, share) => sum + share, 0) };
}

/**
 * The visual direction per layer and token, each group's by the estimator.
 *
 * "token" (default, the paper's): principal components over the states of one token in all layers.
 * "official": the authors' code reshapes (layers, tokens, width) to `tokens` rows without moving numbers, so that its
 * groups are contiguous pieces of the layer-major buffer; the result is viewed back the same way.
 *
 * @param differences one (layers, tokens, width) per demonstration; not modified
 * @returns direction (layers, tokens, width)
 */
export function visualDirection(
  differences: readonly Float32Array[],
  shape: StateShape,
  rank: number,
  grouping: VisualGrouping,
  estimator: Estimator = "component",
): FittedDirection {
  const { layers, tokens, width } = shape;
  const direction = new Float32Array(layers * tokens * width);
  let explained = 0;
  for (let group = 0; group < tokens; group++) {
    const spans = spansOf(group, shape, grouping);
    const fitted = estimateDirection(
      differences.map((difference) => gather(difference, spans)),
      { estimator, rank, width },
    );
    scatter(fitted.direction, direction, spans);
    explained += fitted.explained / tokens;
  }
  return { direction, explained };
}

type Span = readonly [start: number, end: number];

function spansOf(
  group: number,
  { layers, tokens, width }: StateShape,
  grouping: VisualGrouping,
): Span[] {
  if (grouping === "official") {
    const size = layers * width;
    return [[group * size, (group + 1) * size]];
  }
  return Array.from({ length: layers }, (_, layer) => {
    const start = (layer * tokens + group) * width;
    return [start, start + width];
  });
}

function gather(source: Float32Array, spans: readonly Span[]): Float32Array {
  const parts = spans.map(([start, end]) => source.subarray(start, end));
  const target = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
  return target;
}

function scatter(source: Float32Array, target: Float32Array, spans: readonly Span[]): void {
  let offset = 0;
  for (const [start, end] of spans) {
    target.set(source.subarray(offset, offset + end - start), start);
    offset += end - start;
  }
}
