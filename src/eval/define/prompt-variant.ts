import { InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";
import { shownValue } from "../data/shown-value.js";

/**
 * Refuses a prompt variant that a benchmark does not have.
 *
 * @throws InvalidArgumentError listing the variants there are
 */
export function requirePromptVariant(
  { name, promptVariants = [] }: Pick<Benchmark, "name" | "promptVariants">,
  variant: string | undefined,
): void {
  if (variant === undefined || promptVariants.includes(variant)) return;
  const known = promptVariants.join(", ") || "none";
  throw new InvalidArgumentError(
    `prompt variant of ${name}: received ${shownValue(variant)}; it has ${known}`,
  );
}
