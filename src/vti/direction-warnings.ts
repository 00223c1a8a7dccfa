import type { SteeringDirections } from "../engine/directions.js";
import type { JsonValue } from "../engine/json-value.js";
import { median } from "../math/median.js";

/** Below it, halves of the demonstrations do not find the same direction. */
const LEAST_AGREEMENT = 0.5;
/** Below it, the mean difference is little longer than chance makes it (1). */
const LEAST_SIGNAL = 2;
/** Above it, captions that are only shorter give the same direction. */
const MOST_LENGTH = 0.5;

/**
 * What speaks against steering along directions, from the facts of their fit: that they are noise, or that they tell
 * short captions from long ones instead of true ones from hallucinated ones. Medians over layers decide.
 *
 * @returns a sentence for each; none where nothing is wrong, or where the file holds no such facts
 */
export function directionWarnings({ facts }: SteeringDirections): string[] {
  return ["image", "text"].flatMap((part) => {
    const found = facts[part];
    if (typeof found !== "object" || found === null || Array.isArray(found)) return [];
    return partWarnings(part, found as Readonly<Record<string, JsonValue>>);
  });
}

function partWarnings(part: string, facts: Readonly<Record<string, JsonValue>>): string[] {
  const halves = medianOf(facts.halvesCosine);
  const signal = medianOf(facts.signalToNoise);
  const length = medianOf(facts.lengthCosine);
  const warnings: string[] = [];
  if (halves !== null && halves < LEAST_AGREEMENT) {
    warnings.push(
      `${part}: halves of the demonstrations agree with a cosine of ${halves.toFixed(2)}; below ` +
        `${LEAST_AGREEMENT} a direction is mostly noise: use more demonstrations, or ones that differ more`,
    );
  }
  if (signal !== null && signal < LEAST_SIGNAL) {
    warnings.push(
      `${part}: the mean difference is ${signal.toFixed(1)} times as long as chance makes it; below ` +
        `${LEAST_SIGNAL} it is mostly noise: use more demonstrations, or ones that differ more`,
    );
  }
  if (length !== null && length > MOST_LENGTH) {
    warnings.push(
      `${part}: the direction has a cosine of ${length.toFixed(2)} with that of captions which are only ` +
        `shorter; above ${MOST_LENGTH} it is about length, not truth: use captions of equal length`,
    );
  }
  return warnings;
}

function medianOf(values: JsonValue | undefined): number | null {
  return Array.isArray(values) ? median(values.filter((value) => typeof value === "number")) : null;
}
