/** A number with two decimals, one where it is large, and a proper minus. */
export function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212");
}

/** The same with a plus in front of what is above 0. */
export function signed(value: number): string {
  const text = number(value);
  return Number(value.toFixed(2)) > 0 ? `+${text}` : text;
}

/** A probability: what is next to 0 or 1 is not shown as if it were. */
export function probability(value: number): string {
  if (value > 0 && value < 0.005) return "< 0.01";
  if (value < 1 && value > 0.995) return "> 0.99";
  return number(value);
}

/** A token's text with its white space to be seen. */
export function visible(text: string): string {
  if (text === "") return "(no text)";
  return text.replaceAll("\n", "\u23ce").replaceAll("\t", "\u21e5").replaceAll(" ", "\u2423");
}

/** "1 token", "2 tokens". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
