const LONGEST = 60;

/** A value of a data file as a message shows it: short, whatever it holds and however deep it goes. */
export function shownValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number" && !Number.isFinite(value)) return shownNumber(value);
  let text: string;
  try {
    text = JSON.stringify(value, finite) ?? typeof value;
  } catch {
    return "a value that is nested too deep";
  }
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

/** JSON reads 1e400 as Infinity, and would write that as null. */
function shownNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity (a number above 1.79e308)" : "-Infinity (a number below -1.79e308)";
}

function finite(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? shownNumber(value) : value;
}

/**
 * What is wrong with a value as identifier; null for text and numbers. Whole numbers beyond 2^53 were
 * rounded when the file was read, so that two of them may have become one.
 */
export function identifierFault(value: unknown): string | null {
  if (typeof value === "string") return null;
  if (typeof value !== "number" || Number.isNaN(value)) return "expected text or a number";
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return null;
  if (!Number.isFinite(value)) return "no number is read beyond that; write it as text, in quotes";
  return "a number beyond 2^53, which is rounded; write it as text, in quotes";
}
