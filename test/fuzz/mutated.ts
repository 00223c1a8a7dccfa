import type { SeededRandom } from "../../src/math/seeded-random.js";

const DEPTH = 20_000;

/** JSON that a writer may give for a field. */
const HOSTILE = [
  "null",
  "true",
  "-1",
  "1e400",
  "12345678901234567890",
  '""',
  '"\\ud800"',
  '"__proto__"',
  "[]",
  "[null]",
  "{}",
  '{"toString": 1}',
  '{"__proto__": {"x": 1}}',
  `${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`,
  `${'{"a":'.repeat(DEPTH)}1${"}".repeat(DEPTH)}`,
  `"${"the ".repeat(2000)}"`,
  `"${" ".repeat(5000)}yes"`,
  `"${"{".repeat(3000)}"`,
  `"${"9".repeat(400)}"`,
] as const;

const PIECES = [
  "\n",
  "\r\n",
  "\uFEFF",
  "\t",
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  "\\",
  "\u0000",
  "é",
  "0",
];

/** One of several. */
export function pick<T>(random: SeededRandom, items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}

/** Rows as JSON lines or an array, with one to three things wrong with them. */
export function mutated(rows: readonly unknown[], random: SeededRandom): string {
  const texts = rows.map((row) => rowText(row as object, random));
  let text = random.integer(3) === 0 ? `[${texts.join(",")}]` : texts.join("\n");
  for (let i = random.integer(3); i > 0; i--) text = withAnotherByte(text, random);
  return text;
}

/** A row with a field more, less, or with another value. */
function rowText(row: object, random: SeededRandom): string {
  const fields = Object.entries(row).map(([key, value]) => [key, JSON.stringify(value)] as const);
  const chosen = random.integer(fields.length || 1);
  const kind = random.integer(5);
  const changed = fields.flatMap(([key, value], index) => {
    if (index !== chosen) return [`${JSON.stringify(key)}:${value}`];
    if (kind === 0) return [];
    if (kind === 1) return [`"__proto__":${value}`];
    if (kind === 2) return [`${JSON.stringify(key)}:${value}`];
    return [`${JSON.stringify(key)}:${pick(random, HOSTILE)}`];
  });
  return kind === 4 && random.integer(4) === 0 ? pick(random, HOSTILE) : `{${changed.join(",")}}`;
}

function withAnotherByte(text: string, random: SeededRandom): string {
  const at = random.integer(text.length + 1);
  const kind = random.integer(4);
  if (kind === 0) return text.slice(0, at);
  if (kind === 1) return text.slice(0, at) + pick(random, PIECES) + text.slice(at);
  if (kind === 2) return text.slice(0, at) + text.slice(at + 1 + random.integer(5));
  return `${text}\n${text.slice(at)}`;
}
