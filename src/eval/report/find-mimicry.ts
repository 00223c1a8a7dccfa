import type { Benchmark } from "../contract/benchmark.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import { comparePair, corrected } from "../statistics/compare-methods.js";
import { likeness, likenessOf, likenessOfSide } from "./answer-likeness.js";
import type { Decoding, Finding, JudgedComparison, MethodBehaviour } from "./run-analysis.js";
import type { ScoredMethod } from "./scored-method.js";
import { GREEDY_REGULAR, isGain, namesOf, type Trial } from "./try-methods.js";
import { verdict } from "./verdict.js";

/** What is known of a set under one way of decoding. */
export interface Evidence {
  readonly benchmark: Benchmark;
  readonly decoding: Decoding;
  /** All methods, under all ways of decoding. */
  readonly methods: readonly ScoredMethod[];
  readonly behaviour: readonly MethodBehaviour[];
  readonly trials: readonly Trial[];
}

/**
 * Methods that do what a trivial control does: shift answers to yes or no, shorten captions, or sample as at a lower
 * temperature. Two things must come together: the change itself is shown, and the method is not shown to be better than
 * the control that makes the same change and nothing else.
 */
export function* mimicry(evidence: Evidence): Turns<Finding[]> {
  const cooling = yield* coolingOf(evidence);
  return evidence.trials.flatMap((trial) => {
    const cooler = cooling.get(trial.method.method);
    const sampled =
      cooler === undefined ? yesShift(trial, evidence) : cooled(trial, evidence, cooler);
    return [...sampled, ...shorter(trial, evidence)];
  });
}

function yesShift(trial: Trial, evidence: Evidence): Finding[] {
  const shift = changeOf("yes_ratio", trial, evidence);
  const to = (shift?.difference ?? 0) > 0 ? "yes" : "no";
  return unbeaten(trial, evidence, shift, {
    kind: `${to}-shift`,
    controls: to === "yes" ? ["threshold", "olm", "pba"] : ["threshold"],
    cause: `a shift to ${to}`,
    does: `answers ${to} more often`,
  });
}

function shorter(trial: Trial, evidence: Evidence): Finding[] {
  if (evidence.benchmark.kind !== "caption") return [];
  const words = changeOf("mean_words", trial, evidence);
  if (words === undefined || words.difference > 0) return [];
  return unbeaten(trial, evidence, words, {
    kind: "shorter",
    controls: [`cut to ${trial.method.method}`, "eos"],
    cause: "shorter captions",
    does: "writes shorter captions",
  });
}

function cooled(trial: Trial, evidence: Evidence, change: JudgedComparison): Finding[] {
  return unbeaten(trial, evidence, change, {
    kind: "cooler",
    controls: [GREEDY_REGULAR, "cool"],
    cause: "a lower temperature",
    does: "samples as at a lower temperature, nearer to the greedy answers",
  });
}

/** What trivial controls do, in words. */
interface Mimicked extends Pick<Finding, "kind"> {
  /** The controls that make the same change and nothing else. */
  readonly controls: readonly string[];
  /** Whose gains a gain would be. */
  readonly cause: string;
  readonly does: string;
}

/** A finding where a change is shown, and not each of the controls that make it too is beaten. */
function unbeaten(
  { method: { method }, regular, controls, chosenOn }: Trial,
  { benchmark, decoding }: Evidence,
  change: JudgedComparison | undefined,
  { kind, controls: names, cause, does }: Mimicked,
): Finding[] {
  const metric = primaryMetricOf(benchmark);
  const tried = controls.filter((one) => names.includes(one.reference) && !isGain(one, metric));
  if (change?.shown !== true || tried.length === 0) return [];
  const what = isGain(regular, metric)
    ? `gains of ${method} on ${benchmark.title} are those of ${cause}`
    : `${method} does what ${cause} does`;
  const verdicts = tried.map(({ verdict }) => verdict).join("; ");
  const text = `${what}: it ${does} (${change.verdict}), and is not shown to be better than ${namesOf(tried, { chosenOn })} (${verdicts})`;
  return [{ method, decoding, kind, text, comparisons: [change, regular, ...tried] }];
}

/** How a measure of a method's answers differs from that of `regular`. */
function changeOf(
  metric: string,
  { method }: Trial,
  { behaviour, decoding }: Evidence,
): JudgedComparison | undefined {
  return behaviour
    .find((one) => one.method === method.method && one.decoding === decoding)
    ?.comparisons.find((one) => one.metric === metric && one.reference === "regular");
}

/**
 * Methods whose sampled answers are more like the greedy ones of `regular` than its own sampled ones are, both where
 * these say yes and where they say no: a shift to either would take from the other. Holm's correction is over the methods.
 */
function* coolingOf({
  decoding,
  methods,
  trials,
  benchmark,
}: Evidence): Turns<Map<string, JudgedComparison>> {
  const sides = benchmark.kind === "yes-no" ? (["yes", "no"] as const) : (["yes"] as const);
  const regular = methods.find((one) => one.method === "regular" && one.decoding === decoding);
  const greedy = methods.find((one) => one.method === "regular" && one.decoding === "greedy");
  if (decoding === "greedy" || regular === undefined || greedy === undefined) return new Map();
  const reference = likenessOf(regular, greedy);
  const compared = yield* mapInTurns(trials, function* ({ method }) {
    const [all, ...each] = yield* comparePair(likenessOf(method, greedy), reference, [
      likeness,
      ...sides.map(likenessOfSide),
    ]);
    const isEven = each.every((side) => side == null || side.difference > 0);
    return all == null ? [] : [{ all, isEven }];
  });
  const likened = compared.flat();
  const judged = corrected(likened.map(({ all }) => all));
  return new Map(
    judged.flatMap((one, i) =>
      one.shown && one.difference > 0 && likened[i]!.isEven
        ? [[one.method, { ...one, decoding, verdict: verdict(one, likeness) }] as const]
        : [],
    ),
  );
}
