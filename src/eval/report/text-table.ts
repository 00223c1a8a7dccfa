const GAP = "  ";

/**
 * Columns of text, each as wide as its widest cell; the first row is the header. Where that is too wide,
 * cells are broken between words, and where even single words do not fit beside each other, each row becomes
 * a block of lines `column  value`. Words are never cut.
 *
 * @param width columns of the terminal; without end where nobody says
 */
export function textTable(
  rows: readonly (readonly string[])[],
  width: number = Number.POSITIVE_INFINITY,
): string {
  const [header = []] = rows;
  const longest = (lengthOf: (cell: string) => number) =>
    header.map((_, column) =>
      rows.reduce((most, row) => Math.max(most, lengthOf(row[column] ?? "")), 0),
    );
  const natural = longest((cell) => cell.length);
  const available = width - GAP.length * (header.length - 1);
  if (total(natural) <= available) return rows.map((row) => line(row, natural)).join("\n");
  const words = longest((cell) => Math.max(...cell.split(" ").map((word) => word.length)));
  if (total(words) > available) return blocks(rows);
  const widths = narrowed(natural, words, available);
  return rows.map((row) => brokenRow(row, widths)).join("\n");
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, 0);
}

function line(cells: readonly string[], widths: readonly number[]): string {
  return widths
    .map((width, column) => (cells[column] ?? "").padEnd(width))
    .join(GAP)
    .trimEnd();
}

/** The widest columns give first, none below its longest word. */
function narrowed(natural: readonly number[], least: readonly number[], available: number) {
  const widths = [...natural];
  for (let excess = total(widths) - available; excess > 0; excess--) {
    let widest = -1;
    for (const [column, width] of widths.entries()) {
      if (width > least[column]! && (widest < 0 || width > widths[widest]!)) widest = column;
    }
    widths[widest]!--;
  }
  return widths;
}

function brokenRow(row: readonly string[], widths: readonly number[]): string {
  const cells = widths.map((width, column) => brokenText(row[column] ?? "", width));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, i) =>
    line(
      cells.map((lines) => lines[i] ?? ""),
      widths,
    ),
  ).join("\n");
}

function brokenText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function blocks([header = [], ...rows]: readonly (readonly string[])[]): string {
  const widest = Math.max(...header.map((name) => name.length));
  return rows
    .map((row) =>
      header.map((name, column) => line([name, row[column] ?? ""], [widest, 0])).join("\n"),
    )
    .join("\n\n");
}
