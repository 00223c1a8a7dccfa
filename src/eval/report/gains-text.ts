import type { Finding, Gain, RunAnalysis } from "./run-analysis.js";

/**
 * What the run shows, a line for each gain with what a control says to it and what the same method does to general
 * ability, for example `pope, greedy: vcd is better than regular: Accuracy +3.1 points (...). But gains of vcd on POPE
 * are those of a shift to yes: .... General ability: mme: no difference shown ...`.
 */
export function gainsText({ gains, sets }: Pick<RunAnalysis, "gains" | "sets">): string[] {
  if (gains.length === 0) return ["No method is shown to be better than regular or apc."];
  const measured = sets.some(({ ability }) => ability !== null);
  const lines = gains.map((gain) => {
    const objection = objectionTo(gain, sets);
    const but = objection === undefined ? "" : ` But ${objection}.`;
    const found = `${gain.set}, ${gain.decoding}: ${gain.verdict}.${but}`;
    return measured ? `${found} General ability: ${abilityText(gain)}.` : found;
  });
  if (measured) return lines;
  return [
    ...lines,
    "The run has no set of general ability (mme, rubric, counts) beside these gains.",
  ];
}

/** What can be held against a gain over `regular`. */
const OBJECTIONS: readonly Finding["kind"][] = ["yes-shift", "no-shift", "shorter", "cooler"];

function objectionTo(
  { set, method, reference, decoding }: Gain,
  sets: RunAnalysis["sets"],
): string | undefined {
  if (reference !== "regular") return undefined;
  return sets
    .find(({ name }) => name === set)
    ?.findings.find(
      (one) => one.method === method && one.decoding === decoding && OBJECTIONS.includes(one.kind),
    )?.text;
}

function abilityText({ ability }: Gain): string {
  if (ability.length === 0) return "not asked of both";
  return ability.map(({ set, verdict }) => `${set}: ${verdict}`).join("; ");
}
