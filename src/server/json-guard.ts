import { badRequest } from "./api-error.js";

/** Deepest nesting of what requests hold. */
const MAX_DEPTH = 32;

/** Most values: each takes memory, however short it is. */
const MAX_VALUES = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = [0x5b, 0x7b];
const CLOSING = [0x5d, 0x7d];

/**
 * Looks at JSON as it arrives, before it is parsed: parsing millions of empty lists takes far more memory than their text,
 * and what walks a deep value runs out of stack.
 */
export class JsonGuard {
  readonly #maxDepth: number;
  #depth = 0;
  #values = 0;
  #isInText = false;
  #isEscaped = false;

  constructor(maxDepth: number = MAX_DEPTH) {
    this.#maxDepth = maxDepth;
  }

  /** @throws ApiError where there is too much of it */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#isInText) {
        at = this.#endOfText(chunk, at);
        continue;
      }
      const byte = chunk[at++]!;
      if (byte === QUOTE) this.#isInText = true;
      else if (OPENING.includes(byte)) this.#open();
      else if (CLOSING.includes(byte)) this.#depth--;
      else if (byte === COMMA) this.#count();
    }
  }

  /** Behind the quote that ends a text, or the chunk's end. Images are long texts without escapes, passed over at once. */
  #endOfText(chunk: Uint8Array, from: number): number {
    let at = from;
    let quote = -1;
    while (at < chunk.length) {
      if (this.#isEscaped) {
        this.#isEscaped = false;
        at++;
      }
      if (quote < at) quote = indexOrEnd(chunk, QUOTE, at);
      const backslash = chunk.subarray(at, quote).indexOf(BACKSLASH);
      if (backslash < 0) {
        this.#isInText = quote === chunk.length;
        return quote + 1;
      }
      this.#isEscaped = true;
      at += backslash + 1;
    }
    return at;
  }

  #open(): void {
    this.#depth++;
    if (this.#depth > this.#maxDepth) {
      throw badRequest(undefined, `the body is nested more than ${this.#maxDepth} deep`);
    }
    this.#count();
  }

  #count(): void {
    this.#values++;
    if (this.#values > MAX_VALUES) {
      throw badRequest(undefined, `the body has more than ${MAX_VALUES} values`);
    }
  }
}

function indexOrEnd(bytes: Uint8Array, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from);
  return index < 0 ? bytes.length : index;
}
