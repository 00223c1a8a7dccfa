import type { Metric, MetricInfo } from "../contract/benchmark.js";
import type { ControlSeries } from "../controls/control-series.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { comparePair, corrected } from "../statistics/compare-methods.js";
import type { Decoding, JudgedComparison } from "./run-analysis.js";
import { resultsOf, type ScoredMethod } from "./scored-method.js";
import { isBetter, verdict } from "./verdict.js";

/** A control's answers, scored as a method's are. */
export interface ScoredControl
  extends ScoredMethod,
    Pick<ControlSeries, "matchedTo" | "setting" | "chosenOn"> {}

/** A method held against `regular` and each of its controls, on the benchmark's main metric. */
export interface Trial {
  readonly method: ScoredMethod;
  readonly regular: JudgedComparison;
  readonly controls: readonly JudgedComparison[];
  /** Of controls whose setting was chosen, on what, by their name. */
  readonly chosenOn: ReadonlyMap<string, string>;
}

/** The greedy answers of `regular`, as they are called where sampled ones are held against them. */
export const GREEDY_REGULAR = "greedy regular";

/** Methods that others are held against, and that are on no trial themselves. */
export function isReference(method: string): boolean {
  return method === "regular" || method === "apc" || isDecodedControl(method);
}

/**
 * All methods under one way of decoding against `regular` and their controls, with Holm's correction over all of these
 * comparisons together. No trial where `regular` was not run so.
 *
 * @param isOnTrial false for methods that do nothing
 */
export function* tryMethods(
  decoding: Decoding,
  methods: readonly ScoredMethod[],
  controls: readonly ScoredControl[],
  metric: Metric,
  isOnTrial: (method: string) => boolean,
): Turns<Trial[]> {
  const here = methods.filter((one) => one.decoding === decoding);
  const tried = here.filter(({ method }) => !isReference(method) && isOnTrial(method));
  const references = [
    ...here.filter(({ method }) => isReference(method)),
    ...methods.flatMap((one) =>
      decoding === "sampling" && one.decoding === "greedy" && one.method === "regular"
        ? [{ ...one, method: GREEDY_REGULAR }]
        : [],
    ),
  ];
  const pairs = tried.flatMap((method) => {
    const own = controls.filter(
      (one) =>
        one.decoding === decoding && (one.matchedTo === null || one.matchedTo === method.method),
    );
    return [...references, ...own].map((reference) => ({ method, reference }));
  });
  const compared = yield* mapInTurns(pairs, ({ method, reference }) =>
    comparePair(resultsOf(method), resultsOf(reference), [metric]),
  );
  const judged = corrected(compared.flatMap(([one]) => one ?? [])).map((one) => ({
    ...one,
    decoding,
    verdict: verdict(one, metric),
  }));
  const chosenOn = new Map(
    controls.flatMap((one) =>
      one.decoding === decoding && one.chosenOn !== undefined ? [[one.method, one.chosenOn]] : [],
    ),
  );
  return tried.flatMap((method) => {
    const against = judged.filter((one) => one.method === method.method);
    const regular = against.find(({ reference }) => reference === "regular");
    if (regular === undefined) return [];
    return [{ method, regular, controls: against.filter((one) => one !== regular), chosenOn }];
  });
}

/** Whether a difference is shown, and one to the better. */
export function isGain({ shown, difference }: JudgedComparison, metric: MetricInfo): boolean {
  return shown && isBetter(metric, difference);
}

/** What methods were held against, for example `threshold chosen on dev questions, olm`. */
export function namesOf(
  controls: readonly JudgedComparison[],
  { chosenOn }: Pick<Trial, "chosenOn"> = { chosenOn: new Map() },
): string {
  const nameOf = ({ reference }: JudgedComparison) => {
    const questions = chosenOn.get(reference);
    return questions === undefined ? reference : `${reference} chosen on ${questions}`;
  };
  return controls.map(nameOf).join(", ");
}
