import { InvalidArgumentError } from "commander";

/** Parses an option's value as an integer of at least `minimum`. */
export function integerAtLeast(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`expected an integer of at least ${minimum}`);
  };
}
