const LONGEST = 60;

/** A value of a data file as a message shows it: short, whatever it holds and however deep it goes. */
export function shownValue(value: unknown): string {
  if (value === undefined) return "nothing";
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    return "a value that is nested too deep";
  }
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

/**
 * What is wrong with a value as identifier; null for text and numbers. Whole numbers beyond 2^53 were
 * rounded when the file was read, so that two of them may have become one.
 */
export function identifierFault(value: unknown): string | null {
  if (typeof value === "string") return null;
  if (typeof value !== "number" || !Number.isFinite(value)) return "expected text or a number";
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return null;
  return "a number beyond 2^53, which is rounded; write it as text, in quotes";
}
