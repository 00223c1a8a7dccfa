import { ShapeError } from "../errors.js";

/** Element array of a cache: Float32Array, or the runtime's stand-in for float16. */
export type CacheArray = Float32Array | Uint16Array;

/** Shape of one layer's cache, and the element array it is kept in. */
export interface CacheGeometry {
  /** Per layer: key/value heads H and head size D. */
  readonly layers: readonly { readonly heads: number; readonly headSize: number }[];
  readonly ArrayType: { new (length: number): CacheArray };
}

/** Keys and values of the first tokens of one context, to start other contexts from. Immutable. */
export interface CachedPrefix {
  readonly length: number;
  /** Per layer: (H, length, D). */
  readonly keys: readonly CacheArray[];
  readonly values: readonly CacheArray[];
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

/**
 * Keys and values of several contexts, each layer in one buffer (B, H, C, D) with room for C tokens per context.
 *
 * The runtime reads the buffers where they lie. Because of the spare room a token's rows are written in place and
 * nothing else moves; only growth copies. Slots past a context's length hold finite numbers and are masked.
 */
export class KeyValueCache {
  readonly geometry: CacheGeometry;
  #capacity: number;
  #lengths: number[];
  #keys: CacheArray[];
  #values: CacheArray[];

  /**
   * @param contexts number of contexts B
   * @param capacity tokens each context has room for
   */
  constructor(geometry: CacheGeometry, contexts: number, capacity: number) {
    this.geometry = geometry;
    this.#capacity = capacity;
    this.#lengths = new Array<number>(contexts).fill(0);
    this.#keys = this.#allocate(contexts, capacity);
    this.#values = this.#allocate(contexts, capacity);
  }

  /** Tokens each context has room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Tokens held, per context. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return [...this.#keys, ...this.#values].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** View (count, H, C, D) of consecutive contexts in one layer; not a copy. */
  view(kind: "key" | "value", layer: number, first: number, count: number): CacheArray {
    const buffer = (kind === "key" ? this.#keys : this.#values)[layer]!;
    const size = this.#contextSize(layer, this.#capacity);
    return buffer.subarray(first * size, (first + count) * size);
  }

  /** Makes room for at least `capacity` tokens per context, with some to spare so that growth is rare. */
  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    const grown = capacity + Math.max(32, Math.ceil(capacity / 16));
    this.#move(
      this.#lengths.map((_, context) => context),
      grown,
    );
  }

  /** Keeps only the given contexts, in the given order. */
  keep(contexts: readonly number[]): void {
    this.#move(contexts, this.#capacity);
  }

  /**
   * Writes rows behind the tokens a context holds; call {@link advance} after all layers are written.
   *
   * @param count number of rows
   */
  write(kind: "key" | "value", layer: number, context: number, count: number, rows: NewRows): void {
    const { heads, headSize } = this.geometry.layers[layer]!;
    const length = this.#lengths[context]!;
    if (length + count > this.#capacity) {
      throw new ShapeError(
        `cache: received ${count} rows for a context of ${length}; there is room for ${this.#capacity}`,
      );
    }
    const target = (kind === "key" ? this.#keys : this.#values)[layer]!;
    for (let head = 0; head < heads; head++) {
      const from = ((rows.batchIndex * heads + head) * rows.sourceRows + rows.firstRow) * headSize;
      const to = ((context * heads + head) * this.#capacity + length) * headSize;
      target.set(rows.source.subarray(from, from + count * headSize), to);
    }
  }

  /** Counts rows written to every layer of a context as held. */
  advance(context: number, count: number): void {
    this.#lengths[context] = this.#lengths[context]! + count;
  }

  /** Copies the first tokens of a context. */
  prefix(context: number, length: number): CachedPrefix {
    const copy = (kind: "key" | "value") =>
      this.geometry.layers.map((_, layer) => this.compact(kind, layer, [context], length));
    return { length, keys: copy("key"), values: copy("value") };
  }

  /** Fills an empty context with a prefix. */
  load(context: number, prefix: CachedPrefix): void {
    const rows = { batchIndex: 0, sourceRows: prefix.length, firstRow: 0 };
    for (let layer = 0; layer < this.geometry.layers.length; layer++) {
      this.write("key", layer, context, prefix.length, { ...rows, source: prefix.keys[layer]! });
      this.write("value", layer, context, prefix.length, {
        ...rows,
        source: prefix.values[layer]!,
      });
    }
    this.advance(context, prefix.length);
  }

  /** Copy (contexts, H, length, D) of the first tokens of some contexts in one layer. */
  compact(
    kind: "key" | "value",
    layer: number,
    contexts: readonly number[],
    length: number,
  ): CacheArray {
    const { heads, headSize } = this.geometry.layers[layer]!;
    const source = (kind === "key" ? this.#keys : this.#values)[layer]!;
    const copy = new this.geometry.ArrayType(contexts.length * heads * length * headSize);
    contexts.forEach((context, i) => {
      for (let head = 0; head < heads; head++) {
        const from = (context * heads + head) * this.#capacity * headSize;
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

  #allocate(contexts: number, capacity: number): CacheArray[] {
    return this.geometry.layers.map(
      (_, layer) => new this.geometry.ArrayType(contexts * this.#contextSize(layer, capacity)),
    );
  }

  /** Moves contexts into new buffers of another number of contexts or capacity. */
  #move(contexts: readonly number[], capacity: number): void {
    const moved = new KeyValueCache(this.geometry, contexts.length, capacity);
    contexts.forEach((context, i) => {
      const rows = { batchIndex: context, sourceRows: this.#capacity, firstRow: 0 };
      const length = this.#lengths[context]!;
      for (let layer = 0; layer < this.geometry.layers.length; layer++) {
        moved.write("key", layer, i, length, { ...rows, source: this.#keys[layer]! });
        moved.write("value", layer, i, length, { ...rows, source: this.#values[layer]! });
      }
      moved.advance(i, length);
    });
    this.#capacity = capacity;
    this.#lengths = moved.#lengths;
    this.#keys = moved.#keys;
    this.#values = moved.#values;
  }
}
