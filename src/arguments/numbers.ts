import { InvalidArgumentError } from "../errors.js";

/**
 * Returns a number in [min, max]; a min of Number.MIN_VALUE means above 0.
 *
 * @throws InvalidArgumentError saying what was received and what is expected
 */
export function numberIn(
  name: string,
  value: unknown,
  min: number,
  max: number = Number.POSITIVE_INFINITY,
): number {
  if (typeof value === "number" && value >= min && value <= max && Number.isFinite(value)) {
    return value;
  }
  throw new InvalidArgumentError(
    `${name}: received ${shown(value)}; expected ${rangeText("a number", min, max)}`,
  );
}

/** Returns an integer in [min, max]. @throws InvalidArgumentError saying what was received and what is expected */
export function integerIn(
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  // That numbers end is told to those who went beyond.
  const isBeyond = typeof value === "number" && value > max;
  const end = max === Number.MAX_SAFE_INTEGER && !isBeyond ? Number.POSITIVE_INFINITY : max;
  throw new InvalidArgumentError(
    `${name}: received ${shown(value)}; expected ${rangeText("an integer", min, end)}`,
  );
}

/** Returns one of some words. @throws InvalidArgumentError listing them */
export function oneOf<Word extends string>(
  name: string,
  value: unknown,
  allowed: readonly Word[],
): Word {
  const known = allowed.find((other) => other === value);
  if (known !== undefined) return known;
  throw new InvalidArgumentError(
    `${name}: received ${shown(value)}; expected one of ${allowed.join(", ")}`,
  );
}

/** A range in words, for example "a number from 0 to 1". */
function rangeText(kind: string, min: number, max: number): string {
  const end = max === Number.MAX_SAFE_INTEGER ? "2^53 - 1" : max;
  const isBounded = max !== Number.POSITIVE_INFINITY;
  if (min === Number.MIN_VALUE) return `${kind} above 0${isBounded ? ` and at most ${end}` : ""}`;
  if (min === Number.NEGATIVE_INFINITY) return "a finite number";
  return isBounded ? `${kind} from ${min} to ${end}` : `${kind} of at least ${min}`;
}

/** A value in a message: never longer than a line; a text in quotes, so that "1" is told from 1. */
export function shown(value: unknown): string {
  let text: string;
  if (typeof value === "string") text = value;
  else {
    try {
      const json = typeof value === "object" && value !== null ? JSON.stringify(value) : undefined;
      // An object's toJSON may leave nothing of it.
      text = json ?? (typeof value === "object" && value !== null ? "object" : String(value));
    } catch {
      text = typeof value;
    }
  }
  const short = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return typeof value === "string" ? `'${short}'` : short;
}
