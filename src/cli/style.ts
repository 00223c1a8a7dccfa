/** Terminal styles by name, as SGR codes that switch them on and off. */
const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  underline: [4, 24],
  red: [31, 39],
  green: [32, 39],
} as const;

/** Styles text for a terminal; leaves it alone when the output is none (unless FORCE_COLOR is set) or NO_COLOR is set. */
export function style(
  name: keyof typeof CODES,
  text: string,
  stream: { readonly isTTY?: boolean } = process.stdout,
): string {
  const { NO_COLOR = "", FORCE_COLOR = "" } = process.env;
  const isPlain = (stream.isTTY !== true && FORCE_COLOR === "") || NO_COLOR !== "";
  const [on, off] = CODES[name];
  return isPlain ? text : `\u001b[${on}m${text}\u001b[${off}m`;
}
