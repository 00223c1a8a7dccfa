import { BoundedCache } from "./bounded-cache.js";

/** Bound of all values together. */
const MOST_BYTES = 64 * 2 ** 20;

/** What `MethodRun.remember` keeps: values by key, each made once, within a bound of bytes. */
export class Remembered {
  readonly #values = new BoundedCache<unknown>(MOST_BYTES);
  readonly #pending = new Map<string, Promise<unknown>>();

  /** The value of a key, made where there is none. Failures are not kept. */
  async get<T>(key: string, make: () => Promise<T>, bytes: (value: T) => number): Promise<T> {
    const known = this.#values.get(key);
    if (known !== undefined) return known as T;
    const pending = this.#pending.get(key);
    if (pending !== undefined) {
      // Another request makes it; should that one fail or be aborted, this one makes its own.
      return pending.catch(() => this.get(key, make, bytes)) as Promise<T>;
    }
    const made = make()
      .then((value) => {
        this.#values.set(key, value, bytes(value) + 2 * key.length);
        return value;
      })
      .finally(() => this.#pending.delete(key));
    this.#pending.set(key, made);
    return made;
  }
}
