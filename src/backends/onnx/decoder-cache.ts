import { ShapeError } from "../../errors.js";
import type { CacheArray, CacheArrayType } from "./cache-array.js";
import { bytesOfStates, FixedStates, type StateGeometry } from "./fixed-states.js";

/** What a decoder keeps of a context: rows of keys and values for each token, and states of fixed size. */
export interface CacheGeometry {
  /** The layers that keep keys and values, which need not be all: number in the graph, heads H and head size D. */
  readonly layers: readonly {
    readonly layer: number;
    readonly heads: number;
    readonly headSize: number;
  }[];
  /** Elements of keys and values. */
  readonly ArrayType: CacheArrayType;
  readonly states: readonly StateGeometry[];
}

/** Bytes that one token of one context takes. */
export function bytesPerToken({ layers, ArrayType }: CacheGeometry): number {
  const numbers = layers.reduce((sum, { heads, headSize }) => sum + 2 * heads * headSize, 0);
  return numbers * ArrayType.BYTES_PER_ELEMENT;
}

/** Bytes that a context of some tokens takes, without room to spare. */
export function contextBytes(geometry: CacheGeometry, length: number): number {
  return length * bytesPerToken(geometry) + bytesOfStates(geometry.states);
}

/** What is kept of the first tokens of one context, to start other contexts from. Immutable. */
export interface CachedPrefix {
  readonly length: number;
  readonly bytes: number;
  /** Per layer: (H, length, D). */
  readonly keys: readonly CacheArray[];
  readonly values: readonly CacheArray[];
  /** The states of fixed size behind the last of these tokens. */
  readonly states: readonly CacheArray[];
}

/** Rows added to one context of the cache, inside a tensor (B, H, rows, D). */
export interface NewRows {
  readonly source: CacheArray;
  /** Index of the context in the source's batch. */
  readonly batchIndex: number;
  /** Rows per head in the source, and the first of them that is wanted. */
  readonly sourceRows: number;
  readonly firstRow: number;
}

/** Contexts that fit between two growths of the buffers: at least this many tokens each. */
const SPARE_TOKENS = 32;

/**
 * What a decoder keeps of several contexts: keys and values, each layer in one buffer (B, H, C, D) with room for C tokens
 * per context, and states of fixed size.
 *
 * The runtime reads the buffers where they lie. Because of the spare room a token's rows are written in place and
 * nothing else moves; only growth copies. A context has a slot, its index B; the live ones are always the first slots,
 * so that any run of neighbours is one view. Slots past a context's length hold finite numbers and are masked.
 */
export class DecoderCache {
  readonly geometry: CacheGeometry;
  /** The states of fixed size, by the same slots. */
  readonly states: FixedStates;
  #slots = 0;
  #capacity = 0;
  /** Per live context: tokens held, and the most it may come to hold. */
  #lengths: number[] = [];
  #limits: number[] = [];
  #keys: CacheArray[];
  #values: CacheArray[];

  constructor(geometry: CacheGeometry) {
    this.geometry = geometry;
    this.states = new FixedStates(geometry.states);
    this.#keys = geometry.layers.map(() => new geometry.ArrayType(0));
    this.#values = geometry.layers.map(() => new geometry.ArrayType(0));
  }

  /** Tokens each context has room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Tokens held, per slot. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return this.#slots * contextBytes(this.geometry, this.#capacity);
  }

  /**
   * Adds empty contexts behind the others.
   *
   * @param limits most tokens that each may come to hold; buffers never grow beyond the largest
   * @param capacity tokens that there must be room for at once
   * @returns the first new slot
   */
  add(limits: readonly number[], capacity: number): number {
    const first = this.#lengths.length;
    const count = first + limits.length;
    const all = [...this.#limits, ...limits];
    if (this.#slots < count || this.#capacity < capacity) {
      // Before anything is counted in: where memory ends, the cache stays as it was.
      this.#resize(count, Math.max(this.#capacity, withSpare(capacity, Math.max(...all))));
    }
    this.#limits = all;
    this.#lengths = [...this.#lengths, ...limits.map(() => 0)];
    for (let slot = first; slot < count; slot++) this.states.clear(slot);
    return first;
  }

  /**
   * Removes a context. The last one takes its slot.
   *
   * @returns the slot that the moved context had, or undefined when none moved
   */
  remove(slot: number): number | undefined {
    const last = this.#lengths.length - 1;
    if (slot !== last) {
      this.#copyWithin(last, slot);
      this.states.move(last, slot);
    }
    this.#lengths[slot] = this.#lengths[last]!;
    this.#limits[slot] = this.#limits[last]!;
    this.#lengths.pop();
    this.#limits.pop();
    if (last === 0 || this.#slots > 2 * last) this.trim();
    return slot === last ? undefined : last;
  }

  /** Gives back the room of contexts that were removed. */
  trim(): void {
    const count = this.#lengths.length;
    const capacity = count === 0 ? 0 : Math.min(this.#capacity, Math.max(...this.#limits));
    if (count < this.#slots || capacity < this.#capacity) this.#resize(count, capacity);
  }

  /** View (count, H, C, D) of neighbouring contexts in one layer; not a copy. */
  view(kind: "key" | "value", layer: number, first: number, count: number): CacheArray {
    const buffer = (kind === "key" ? this.#keys : this.#values)[layer]!;
    const size = this.#contextSize(layer, this.#capacity);
    return buffer.subarray(first * size, (first + count) * size);
  }

  /** Makes room for at least `capacity` tokens per context, with some to spare so that growth is rare. */
  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#resize(this.#slots, withSpare(capacity, Math.max(...this.#limits)));
  }

  /**
   * Writes rows behind the tokens a context holds; call {@link advance} after all layers are written.
   *
   * @param count number of rows
   */
  write(kind: "key" | "value", layer: number, slot: number, count: number, rows: NewRows): void {
    const { heads, headSize } = this.geometry.layers[layer]!;
    const length = this.#lengths[slot]!;
    if (length + count > this.#capacity) {
      throw new ShapeError(
        `cache: received ${count} rows for a context of ${length}; there is room for ${this.#capacity}`,
      );
    }
    const target = (kind === "key" ? this.#keys : this.#values)[layer]!;
    for (let head = 0; head < heads; head++) {
      const from = ((rows.batchIndex * heads + head) * rows.sourceRows + rows.firstRow) * headSize;
      const to = ((slot * heads + head) * this.#capacity + length) * headSize;
      target.set(rows.source.subarray(from, from + count * headSize), to);
    }
  }

  /** Counts rows written to every layer of a context as held. */
  advance(slot: number, count: number): void {
    this.#lengths[slot] = this.#lengths[slot]! + count;
  }

  /**
   * Copies the first tokens of a context.
   *
   * @throws ShapeError where states of fixed size hold more tokens than these: they cannot be cut back
   */
  prefix(slot: number, length: number): CachedPrefix {
    const held = this.#lengths[slot]!;
    if (this.geometry.states.length > 0 && length !== held) {
      throw new ShapeError(
        `cache: received a length of ${length} for a context of ${held}, whose states of fixed size hold all of it; expected ${held}`,
      );
    }
    const copy = (kind: "key" | "value") =>
      this.geometry.layers.map((_, layer) => this.compact(kind, layer, [slot], length));
    return {
      length,
      bytes: contextBytes(this.geometry, length),
      keys: copy("key"),
      values: copy("value"),
      states: this.states.copy(slot),
    };
  }

  /** Fills an empty context with a prefix. */
  load(slot: number, prefix: CachedPrefix): void {
    const rows = { batchIndex: 0, sourceRows: prefix.length, firstRow: 0 };
    for (let layer = 0; layer < this.geometry.layers.length; layer++) {
      const [keys, values] = [prefix.keys[layer]!, prefix.values[layer]!];
      this.write("key", layer, slot, prefix.length, { ...rows, source: keys });
      this.write("value", layer, slot, prefix.length, { ...rows, source: values });
    }
    this.states.load(slot, prefix.states);
    this.advance(slot, prefix.length);
  }

  /** Copy (slots, H, length, D) of the first tokens of some contexts in one layer. */
  compact(
    kind: "key" | "value",
    layer: number,
    slots: readonly number[],
    length: number,
  ): CacheArray {
    const { heads, headSize } = this.geometry.layers[layer]!;
    const source = (kind === "key" ? this.#keys : this.#values)[layer]!;
    const copy = new this.geometry.ArrayType(slots.length * heads * length * headSize);
    slots.forEach((slot, i) => {
      for (let head = 0; head < heads; head++) {
        const from = (slot * heads + head) * this.#capacity * headSize;
        const to = (i * heads + head) * length * headSize;
        copy.set(source.subarray(from, from + length * headSize), to);
      }
    });
    return copy;
  }

  #contextSize(layer: number, capacity: number): number {
    const { heads, headSize } = this.geometry.layers[layer]!;
    return heads * capacity * headSize;
  }

  #copyWithin(from: number, to: number): void {
    this.geometry.layers.forEach(({ heads, headSize }, layer) => {
      for (const buffer of [this.#keys[layer]!, this.#values[layer]!]) {
        for (let head = 0; head < heads; head++) {
          const source = (from * heads + head) * this.#capacity * headSize;
          const target = (to * heads + head) * this.#capacity * headSize;
          buffer.copyWithin(target, source, source + this.#lengths[from]! * headSize);
        }
      }
    });
  }

  /** Moves the live contexts into buffers of another size. */
  #resize(slots: number, capacity: number): void {
    const move = (old: CacheArray, layer: number): CacheArray => {
      const { heads, headSize } = this.geometry.layers[layer]!;
      const moved = new this.geometry.ArrayType(slots * this.#contextSize(layer, capacity));
      this.#lengths.forEach((length, slot) => {
        if (length === 0) return;
        for (let head = 0; head < heads; head++) {
          const from = (slot * heads + head) * this.#capacity * headSize;
          const to = (slot * heads + head) * capacity * headSize;
          moved.set(old.subarray(from, from + length * headSize), to);
        }
      });
      return moved;
    };
    const [keys, values] = [this.#keys.map(move), this.#values.map(move)];
    if (slots !== this.#slots) this.states.resize(slots, this.#lengths.length);
    this.#keys = keys;
    this.#values = values;
    this.#slots = slots;
    this.#capacity = capacity;
  }
}

/** A capacity with some tokens to spare, within what contexts may come to hold. */
function withSpare(capacity: number, limit: number): number {
  const spare = Math.max(SPARE_TOKENS, Math.ceil(capacity / 16));
  return Math.max(capacity, Math.min(capacity + spare, limit));
}
