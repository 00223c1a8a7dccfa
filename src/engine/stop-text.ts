/**
 * Watches growing text for stop texts, and holds back an end that may turn out to begin one.
 */
export class StopText {
  readonly #stops: readonly string[];
  #text = "";
  #released = 0;
  #isStopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Whether a stop text has occurred. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The text released so far. */
  get text(): string {
    return this.#text.slice(0, this.#released);
  }

  /** Adds text and returns what may be shown now; nothing behind a stop text is ever returned. */
  push(piece: string): string {
    if (this.#isStopped) return "";
    this.#text += piece;
    const places = this.#stops
      .map((stop) => this.#text.indexOf(stop, this.#released))
      .filter((at) => at >= 0);
    if (places.length > 0) {
      this.#isStopped = true;
      return this.#release(Math.min(...places));
    }
    return this.#release(this.#text.length - this.#heldBack());
  }

  /** Returns what was held back, when the text has ended without a stop text. */
  end(): string {
    return this.#isStopped ? "" : this.#release(this.#text.length);
  }

  #release(end: number): string {
    const released = this.#text.slice(this.#released, end);
    this.#released = Math.max(this.#released, end);
    return released;
  }

  /** Length of the longest end of the text that begins a stop text. */
  #heldBack(): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (
        let length = Math.min(stop.length - 1, this.#text.length - this.#released);
        length > longest;
        length--
      ) {
        if (this.#text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
