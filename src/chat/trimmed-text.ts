/** Leaves out white space at both ends of a text that comes in pieces. */
export class TrimmedText {
  #hasBegun = false;
  #space = "";

  /** The next piece of the trimmed text: white space is held back until something follows it. */
  push(piece: string): string {
    const text = this.#hasBegun ? this.#space + piece : piece.trimStart();
    const told = text.trimEnd();
    this.#hasBegun ||= told !== "";
    this.#space = text.slice(told.length);
    return told;
  }
}
