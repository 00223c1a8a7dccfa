import type { CacheArray, CacheArrayType } from "./cache-array.js";

/** A state of a decoder that is as large after a thousand tokens as after one: of a short convolution, or of linear attention. */
export interface StateGeometry {
  /** What follows `past_` and `present_` in the graph's names: "conv.0", "recurrent.2". */
  readonly name: string;
  /** Shape for one context. */
  readonly dims: readonly number[];
  readonly ArrayType: CacheArrayType;
}

/** Numbers in a state of one context. */
export function stateSize({ dims }: StateGeometry): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Bytes that the states of one context take. */
export function bytesOfStates(states: readonly StateGeometry[]): number {
  return states.reduce((sum, one) => sum + stateSize(one) * one.ArrayType.BYTES_PER_ELEMENT, 0);
}

/**
 * States of fixed size of several contexts, each in one buffer (B, ...), a context's at its slot.
 *
 * A state is what all tokens so far came to: a run replaces it, and nothing leads back to fewer tokens. It is zero where
 * there are none.
 */
export class FixedStates {
  readonly #states: readonly StateGeometry[];
  #buffers: CacheArray[];

  constructor(states: readonly StateGeometry[]) {
    this.#states = states;
    this.#buffers = states.map(({ ArrayType }) => new ArrayType(0));
  }

  /** Moves the first `live` contexts into buffers of another size. */
  resize(slots: number, live: number): void {
    this.#buffers = this.#states.map((state, i) => {
      const size = stateSize(state);
      const moved = new state.ArrayType(slots * size);
      moved.set(this.#buffers[i]!.subarray(0, live * size));
      return moved;
    });
  }

  /** Makes a context's states those of no tokens. */
  clear(slot: number): void {
    for (const state of this.#states.keys()) this.view(state, slot, 1).fill(0);
  }

  /** Puts the states of one context in the place of another's. */
  move(from: number, to: number): void {
    for (const state of this.#states.keys()) this.view(state, to, 1).set(this.view(state, from, 1));
  }

  /** View (count, ...) of neighbouring contexts' states; not a copy. */
  view(state: number, first: number, count: number): CacheArray {
    const size = stateSize(this.#states[state]!);
    return this.#buffers[state]!.subarray(first * size, (first + count) * size);
  }

  /** Replaces a context's state by that of a row of a tensor (B, ...). */
  write(state: number, slot: number, source: CacheArray, batchIndex: number): void {
    const size = stateSize(this.#states[state]!);
    const start = batchIndex * size;
    this.view(state, slot, 1).set(source.subarray(start, start + size));
  }

  /** Copies a context's states. */
  copy(slot: number): CacheArray[] {
    return this.#states.map((_, state) => this.view(state, slot, 1).slice());
  }

  /** Gives a context states that were copied. */
  load(slot: number, copies: readonly CacheArray[]): void {
    copies.forEach((copy, state) => {
      this.write(state, slot, copy, 0);
    });
  }
}
