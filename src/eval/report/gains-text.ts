import type { Finding, Gain, RunAnalysis } from "./run-analysis.js";
import { isGain, namesOf } from "./try-methods.js";

/**
 * What the run shows, a line for each gain with what a control says to it and what the same method does to general
 * ability, for example `pope, greedy: vcd is better than regular: Accuracy +3.1 points (...). But gains of vcd on POPE
 * are those of a shift to yes: .... General ability: mme: no difference shown ...`.
 */
export function gainsText({ gains, sets }: Pick<RunAnalysis, "gains" | "sets">): string[] {
  const note = gainsNote({ gains, sets });
  const measured = sets.some(({ ability }) => ability !== null);
  const lines = gains.map((gain) => {
    const objection = objectionTo(gain, sets);
    const but = objection === undefined ? "" : ` But ${objection}.`;
    const found = `${gain.set}, ${gain.decoding}: ${gain.verdict}.${but}`;
    return measured ? `${found} General ability: ${abilityText(gain)}.` : found;
  });
  return note === null ? lines : [...lines, note];
}

const NO_ABILITY =
  "The run has no set of general ability (mme, rubric, counts) beside these gains.";

/**
 * What must be said where gains stand in a table: that there are none and why, or that no set tells what they cost
 * elsewhere.
 */
export function gainsNote({ gains, sets }: Pick<RunAnalysis, "gains" | "sets">): string | null {
  if (gains.length === 0) return noGainText(sets);
  return sets.some(({ ability }) => ability !== null) ? null : NO_ABILITY;
}

/** Why there is no gain: none was shown, or nothing could be compared. */
function noGainText(sets: RunAnalysis["sets"]): string {
  if (sets.some(({ comparisons }) => comparisons.length > 0)) {
    return "No method is shown to be better than regular or apc.";
  }
  return sets.some(({ methods }) => methods.length > 0)
    ? "Nothing was compared: that takes a method and regular or apc, both with answers to the same questions."
    : "Nothing was compared: no question has answers of all methods.";
}

/** What can be held against a gain over `regular`. */
const OBJECTIONS: readonly Finding["kind"][] = ["yes-shift", "no-shift", "shorter", "cooler"];

function objectionTo(
  { set, method, reference, decoding }: Gain,
  sets: RunAnalysis["sets"],
): string | undefined {
  if (reference !== "regular") return undefined;
  const found = sets.find(({ name }) => name === set);
  const own = (found?.findings ?? []).filter(
    (one) => one.method === method && one.decoding === decoding,
  );
  const objection = own.find(({ kind }) => OBJECTIONS.includes(kind));
  const trial = own.find(({ kind }) => kind === "not-better-than-control");
  if (objection !== undefined || found === undefined || trial === undefined) return objection?.text;
  const unbeaten = trial.comparisons.filter((one) => !isGain(one, found.primaryMetric));
  return `it is not shown to be better than ${namesOf(unbeaten)}`;
}

function abilityText({ ability }: Gain): string {
  if (ability.length === 0) return "not asked of both";
  return ability.map(({ set, verdict }) => `${set}: ${verdict}`).join("; ");
}
