import type { Gain, RunAnalysis } from "./run-analysis.js";

/**
 * What the run shows, a line for each gain with what the same method does to general ability, for example `pope,
 * greedy: vcd is better than regular: Accuracy +3.1 points (...). General ability: mme: no difference shown ...`.
 */
export function gainsText({ gains, sets }: Pick<RunAnalysis, "gains" | "sets">): string[] {
  if (gains.length === 0) return ["No method is shown to be better than regular or apc."];
  const measured = sets.some(({ ability }) => ability !== null);
  const lines = gains.map((gain) => {
    const found = `${gain.set}, ${gain.decoding}: ${gain.verdict}.`;
    return measured ? `${found} General ability: ${abilityText(gain)}.` : found;
  });
  if (measured) return lines;
  return [
    ...lines,
    "The run has no set of general ability (mme, rubric, counts) beside these gains.",
  ];
}

function abilityText({ ability }: Gain): string {
  if (ability.length === 0) return "not asked of both";
  return ability.map(({ set, verdict }) => `${set}: ${verdict}`).join("; ");
}
