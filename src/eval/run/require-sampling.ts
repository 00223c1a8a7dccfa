import { InvalidArgumentError } from "../../errors.js";
import { shownValue } from "../data/shown-value.js";

/**
 * Refuses sampling settings that no model takes. They are part of a run's settings, so they are looked at even when
 * every series is greedy and none is used.
 *
 * @throws InvalidArgumentError saying what was received and what is expected
 */
export function requireSampling(temperature: unknown, topP: unknown): void {
  requireNumber("temperature", temperature, {
    isFit: (value) => value >= 0 && value <= 100,
    expected: "a number from 0 to 100",
  });
  requireNumber("topP", topP, {
    isFit: (value) => value > 0 && value <= 1,
    expected: "a number above 0 and at most 1",
  });
}

function requireNumber(
  name: string,
  value: unknown,
  { isFit, expected }: { isFit: (value: number) => boolean; expected: string },
): void {
  if (typeof value === "number" && isFit(value)) return;
  const received = typeof value === "number" ? String(value) : shownValue(value);
  throw new InvalidArgumentError(`${name}: received ${received}; expected ${expected}`);
}
