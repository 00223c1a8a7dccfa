import { stripVTControlCharacters } from "node:util";
import wrapAnsi from "wrap-ansi";

/** Columns of a terminal; infinitely many where the output is none, since whoever reads it may wrap it. */
export function columnsOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): number {
  return stream.isTTY === true && stream.columns ? stream.columns : Number.POSITIVE_INFINITY;
}

/** Below this many columns for the text itself, it is worth more room than an indent. */
const ROOM = 16;

/**
 * Breaks text between words, so that a terminal need not break it within one. Blanks that it begins with stay, and the
 * first line has the whole width. Styles end and begin again at each break.
 *
 * @param indent put before every line but the first; left out where too little room stays beside it
 */
export function wrapText(text: string, indent = "", columns: number = columnsOf()): string {
  if (!Number.isFinite(columns)) return text;
  const hanging = columns - indent.length < ROOM ? "" : indent;
  const [lead = ""] = text.match(/^ +/) ?? [];
  const own = text.slice(lead.length);
  const [head = "", ...paragraphs] = wrapAnsi(own, Number.MAX_SAFE_INTEGER).split("\n");
  const [first = "", ...behind] = wrapAnsi(head, Math.max(1, columns - lead.length)).split("\n");
  const rest = behind.length === 0 ? paragraphs : [behind.join(" "), ...paragraphs];
  const lines = rest.flatMap((one) => wrapAnsi(one, columns - hanging.length).split("\n"));
  return [lead + first, ...lines.map((line) => hanging + line)].join("\n");
}

/**
 * Breaks text between words behind something that stands before its first line, with further lines below the text's
 * beginning. Where there is too little room for that, the text has lines of its own.
 */
export function wrapBehind(before: string, text: string, columns: number = columnsOf()): string {
  if (!Number.isFinite(columns)) return before + text;
  const taken = stripVTControlCharacters(before).length;
  const room = columns - taken;
  const fits = stripVTControlCharacters(text).length <= room;
  if (!fits && room < ROOM) {
    const [margin = ""] = before.match(/^ */) ?? [];
    const indent = columns - margin.length - 2 < ROOM ? margin : `${margin}  `;
    return `${before.trimEnd()}\n${indent}${wrapBehindBlanks(text, indent.length, columns)}`;
  }
  return before + wrapBehindBlanks(text, taken, columns);
}

/** All lines are equally long here, so that no style has to be taken apart and put together. */
function wrapBehindBlanks(text: string, indent: number, columns: number): string {
  const lines = wrapAnsi(text, Math.max(1, columns - indent));
  return lines.replaceAll("\n", `\n${" ".repeat(indent)}`);
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
