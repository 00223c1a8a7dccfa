import wrapAnsi from "wrap-ansi";

/** Columns of a terminal; infinitely many where the output is none, since whoever reads it may wrap it. */
export function columnsOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): number {
  return stream.isTTY === true && stream.columns ? stream.columns : Number.POSITIVE_INFINITY;
}

/**
 * Breaks text between words, so that a terminal need not break it within one. Styles end and begin again at each
 * break.
 *
 * @param indent put before every line but the first
 */
export function wrapText(text: string, indent = "", columns: number = columnsOf()): string {
  const width = columns - indent.length;
  // Below this, nothing that reads well can be made.
  if (!Number.isFinite(width) || width < 16) return text;
  return wrapAnsi(text, width).replaceAll("\n", `\n${indent}`);
}

/** Breaks text between words as it comes: a word is kept back until its end is known. */
export class WordWrap {
  readonly #columns: number;
  #column = 0;
  #word = "";

  constructor(columns: number = columnsOf()) {
    this.#columns = columns;
  }

  /** What can be shown now. */
  push(text: string): string {
    if (!Number.isFinite(this.#columns)) return text;
    let shown = "";
    for (const part of text.match(/\s|\S+/g) ?? []) {
      if (/^\S/.test(part)) this.#word += part;
      else shown += this.#place(part);
    }
    return shown;
  }

  /** What was kept back. */
  end(): string {
    return this.#place("");
  }

  /** The word kept back, on the next line where this one has no room, and the white space behind it. */
  #place(space: string): string {
    const word = this.#word;
    this.#word = "";
    const breaks = this.#column > 0 && this.#column + word.length > this.#columns;
    this.#column = (breaks ? 0 : this.#column) + word.length;
    const fits = space !== "\n" && this.#column < this.#columns;
    const behind = space === "\n" ? "\n" : fits ? space : "";
    this.#column = space === "\n" ? 0 : this.#column + behind.length;
    return `${breaks ? "\n" : ""}${word}${behind}`;
  }
}
