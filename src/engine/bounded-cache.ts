/**
 * A cache of values with a size, bounded by their total; the least recently used go first.
 * A value that is larger than the bound is handed out but not kept.
 */
export class BoundedCache<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly bytes: number }>();
  readonly #maxBytes: number;
  readonly #onDrop: ((value: Value) => void) | undefined;
  #bytes = 0;

  /** @param onDrop given each value that is not kept, or no longer */
  constructor(maxBytes: number, onDrop?: (value: Value) => void) {
    this.#maxBytes = maxBytes;
    this.#onDrop = onDrop;
  }

  /** Total size of what is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value kept under the key, which becomes the most recently used; undefined when there is none. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value, replacing one of the same key. */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    if (bytes > this.#maxBytes) {
      this.#onDrop?.(value);
      return;
    }
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  /** Forgets a key. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    this.#onDrop?.(entry.value);
  }

  /** Forgets all keys. */
  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}
