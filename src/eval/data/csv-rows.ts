import { DatasetError } from "../../errors.js";

/** Longest row in characters: a quote that is not closed would have the rest of the file in one. */
const LONGEST_ROW = 2 ** 26;
/** What ends a value that is not quoted. */
const END = /[,\r\n]/g;

/** Where the reader stands: before a value, in one, in a quoted one, behind its closing quote. */
type State = "start" | "plain" | "quoted" | "closed";

/**
 * Rows of CSV as lines of JSON, by the header's names; every value is text, and empty values are left out. The dialect
 * is that of RFC 4180, never guessed: commas, quotes that are doubled inside quotes, line ends of any kind. A column
 * without name is `column` and its index.
 *
 * @param name the file, for messages
 * @throws DatasetError naming the row for what is no such text
 */
export async function* csvLines(
  pieces: AsyncIterable<string>,
  name: string,
): AsyncGenerator<string> {
  const reader = new CsvReader(name);
  for await (const piece of pieces) yield reader.linesOf(piece);
  yield reader.end();
}

/** Splits pieces of text into rows, wherever they are cut. */
class CsvReader {
  readonly #name: string;
  #columns: readonly string[] | null = null;
  #rows = 0;
  #row: string[] = [];
  #value = "";
  /** Characters of the values before this one. */
  #length = 0;
  #state: State = "start";

  constructor(name: string) {
    this.#name = name;
  }

  linesOf(piece: string): string {
    let lines = "";
    for (let at = 0; at < piece.length; ) {
      if (this.#state === "plain") at = this.#take(piece, at, plainEnd(piece, at));
      else if (this.#state === "quoted") at = this.#take(piece, at, piece.indexOf('"', at));
      if (at === piece.length) break;
      const char = piece[at];
      if (char === '"' && this.#state !== "plain") this.#quote();
      else if (char === ",") this.#endValue();
      else if (char === "\n" || char === "\r") lines += this.#endRow();
      else if (this.#state === "closed") {
        throw this.#fault("text behind a closing quote; expected a comma, or quotes doubled");
      } else {
        this.#state = "plain";
        continue;
      }
      at++;
    }
    return lines;
  }

  end(): string {
    if (this.#state === "quoted") throw this.#fault("a quote that is not closed; close it");
    return this.#endRow();
  }

  /** The value goes on to `end`, or where that is -1 beyond the piece. */
  #take(piece: string, start: number, end: number): number {
    const stop = end === -1 ? piece.length : end;
    this.#value += piece.slice(start, stop);
    if (this.#length + this.#value.length > LONGEST_ROW) {
      throw this.#fault(`more than ${LONGEST_ROW} characters; close its quotes, or shorten it`);
    }
    return stop;
  }

  #quote(): void {
    if (this.#state === "closed") this.#value += '"';
    this.#state = this.#state === "quoted" ? "closed" : "quoted";
  }

  #endValue(): void {
    this.#row.push(this.#value);
    this.#length += this.#value.length;
    this.#value = "";
    this.#state = "start";
  }

  /** The row as a line; nothing for an empty one and for the header. */
  #endRow(): string {
    if (this.#row.length === 0 && this.#state === "start") return "";
    this.#endValue();
    const row = this.#row;
    this.#row = [];
    this.#length = 0;
    if (this.#columns === null) {
      this.#columns = columnsOf(row, this.#name);
      return "";
    }
    if (row.length !== this.#columns.length) {
      throw this.#fault(
        `received ${row.length} values; expected ${this.#columns.length}, as many as the header has columns`,
      );
    }
    this.#rows++;
    const fields = this.#columns.flatMap((column, index) =>
      row[index] === "" ? [] : [`${column}:${JSON.stringify(row[index])}`],
    );
    return `{${fields.join(",")}}\n`;
  }

  #fault(what: string): DatasetError {
    const where = this.#columns === null ? "header" : `row ${this.#rows + 1}`;
    return new DatasetError(`${this.#name} ${where}: ${what}`);
  }
}

function plainEnd(piece: string, at: number): number {
  END.lastIndex = at;
  return END.exec(piece)?.index ?? -1;
}

/** Names of columns as JSON. */
function columnsOf(header: readonly string[], file: string): string[] {
  const names = header.map((name, index) => (name === "" ? `column${index}` : name));
  const [only = ""] = names;
  if (names.length === 1 && /[;\t|]/.test(only)) {
    throw new DatasetError(
      `${file} header: received one column, ${JSON.stringify(only.slice(0, 60))}; expected columns split by commas`,
    );
  }
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice !== -1) {
    const name = names[twice]!;
    throw new DatasetError(
      `${file} header: columns ${names.indexOf(name) + 1} and ${twice + 1} are both named ${JSON.stringify(name.slice(0, 60))}; rename one`,
    );
  }
  return names.map((name) => JSON.stringify(name));
}
