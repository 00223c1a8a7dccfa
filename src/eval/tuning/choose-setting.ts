import { InferenceError } from "../../errors.js";
import type { Decoding, RunAnalysis, SetAnalysis } from "../report/run-analysis.js";
import type { TriedSetting } from "./tuned-setting.js";

/** Settings with their ranks, the one that was chosen among them. */
export interface Choice {
  readonly chosen: TriedSetting;
  readonly tried: readonly TriedSetting[];
}

/**
 * Chooses the setting with the best mean place over all sets, by each set's primary metric: one setting for all of them.
 * Places need no common unit. Of equal settings the first is chosen.
 *
 * @param names of the settings within the run, in the order in which they are tried
 * @throws InferenceError when no setting has a figure on any set
 */
export function chooseSetting(
  { sets }: Pick<RunAnalysis, "sets">,
  names: readonly string[],
  decoding: Decoding,
): Choice {
  const places = sets.map((set) => placesOn(set, names, decoding));
  const tried = names.map((name, i) => ({
    name,
    rank: places.reduce((sum, place) => sum + place[i]!, 0) / sets.length,
    figures: sets.map((set) => {
      const figure = figureOf(set, name, decoding);
      return {
        set: set.name,
        value: figure?.value.value ?? null,
        interval: figure?.interval ?? null,
      };
    }),
  }));
  const told = tried.filter(({ figures }) => figures.some(({ value }) => value !== null));
  const [first, ...others] = told;
  if (first === undefined) {
    throw new InferenceError("tune: no setting has a figure on any set; nothing can be chosen");
  }
  const chosen = others.reduce((best, one) => (one.rank < best.rank ? one : best), first);
  return { chosen, tried };
}

/** Places from 1 on; equal settings share the mean of theirs, and settings without a figure are last. */
function placesOn(set: SetAnalysis, names: readonly string[], decoding: Decoding): number[] {
  const sign = set.primaryMetric.better === "lower" ? -1 : 1;
  const worth = names.map((name) => {
    const value = figureOf(set, name, decoding)?.value.value ?? null;
    return value === null ? Number.NEGATIVE_INFINITY : sign * value;
  });
  return worth.map((own) => {
    const better = worth.filter((other) => other > own).length;
    const equal = worth.filter((other) => other === own).length;
    return better + (equal + 1) / 2;
  });
}

function figureOf(set: SetAnalysis, name: string, decoding: Decoding) {
  const found = set.methods.find((one) => one.method === name && one.decoding === decoding);
  return found?.figures[set.primaryMetric.name];
}
