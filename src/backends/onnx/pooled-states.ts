import type { TextStates } from "../../engine/probe.js";
import type { Session } from "./runtime.js";

/** Hidden states of one layer: (1, positions, W). */
export interface StateRows {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** Names of a patched graph's hidden states, embeddings first. */
export function stateOutputs({ outputNames }: Session): string[] {
  const numberOf = (name: string) => Number(/^hidden\.(\d+)$/.exec(name)?.[1]);
  return outputNames
    .filter((name) => !Number.isNaN(numberOf(name)))
    .sort((a, b) => numberOf(a) - numberOf(b));
}

/** The mean of each layer's states over the positions from one on. */
export function pooledStates(states: readonly StateRows[], from: number): TextStates {
  const width = states[0]!.dims.at(-1)!;
  const all = new Float32Array(states.length * width);
  states.forEach(({ data }, i) => {
    all.set(meanState(data.subarray(from * width), width), i * width);
  });
  return { layers: states.length, width, states: all };
}

/** The mean of some states (positions, width). */
function meanState(states: Float32Array, width: number): Float32Array {
  const sum = new Float64Array(width);
  states.forEach((value, i) => {
    sum[i % width]! += value;
  });
  return Float32Array.from(sum, (total) => (total * width) / states.length);
}
