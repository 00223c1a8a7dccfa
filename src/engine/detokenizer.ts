/** Text of token ids, special tokens left out. */
export type DecodeTokens = (ids: readonly number[]) => string;

/** What stands in a text for bytes that are no whole character. */
export const INCOMPLETE = "\uFFFD";

/**
 * Turns tokens into text as they come, without ever splitting a character that spans several tokens.
 *
 * Only a short window of tokens is decoded at each step; the joined pieces equal the text of all tokens.
 */
export class Detokenizer {
  readonly #decode: DecodeTokens;
  readonly #tokens: number[] = [];
  /** Tokens from here on are decoded, for context; those before `#read` have been handed out. */
  #start = 0;
  #read = 0;
  #text = "";

  constructor(decode: DecodeTokens) {
    this.#decode = decode;
  }

  /** All text handed out so far. */
  get text(): string {
    return this.#text;
  }

  /** Adds a token and returns the text that became complete, possibly none. */
  push(token: number): string {
    this.#tokens.push(token);
    return this.#advance(false);
  }

  /** Returns what is left, a broken last character included. */
  end(): string {
    return this.#advance(true);
  }

  #advance(isEnd: boolean): string {
    const before = this.#decode(this.#tokens.slice(this.#start, this.#read));
    const after = this.#decode(this.#tokens.slice(this.#start));
    if (after.length <= before.length || (after.endsWith(INCOMPLETE) && !isEnd)) return "";
    const piece = after.slice(before.length);
    this.#start = this.#read;
    this.#read = this.#tokens.length;
    this.#text += piece;
    return piece;
  }
}
