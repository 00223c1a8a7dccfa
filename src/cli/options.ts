import { InvalidArgumentError } from "commander";

/** Parses an option's value as a number; its range is checked where it is used. */
export function numberOption(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number");
}

/** Parses an option's value as an integer of at least `minimum`. */
export function integerAtLeast(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`expected an integer of at least ${minimum}`);
  };
}

/** Names separated by commas. */
export function listOf(names: string): string[] {
  return names.split(",").flatMap((name) => name.trim() || []);
}

/** Gathers the values of an option that is given once for each. */
export function several(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
