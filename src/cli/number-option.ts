import { InvalidArgumentError } from "commander";

/** Parses an option's value as a number; its range is checked where it is used. */
export function numberOption(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number");
}
