import type { Benchmark } from "../contract/benchmark.js";
import { firstWords, wordCount } from "../rules/first-words.js";
import { isJudged } from "../scoring/benchmark-rules.js";
import type { StoredAnswer } from "../store/stored-rows.js";
import type { DevThreshold } from "../store/tuned.js";
import type { ControlSeries, SeriesAnswers } from "./control-series.js";
import { isDecodedControl } from "./decoded-controls.js";
import { olmAnswer } from "./olm.js";
import { answeredBy, type Margin, thresholdAnswers } from "./threshold.js";

/**
 * The controls that need no further answers: `threshold` and `olm` for yes/no questions, whose margins of `regular` are
 * known, and for captions one `cut to ...` for each method that makes them shorter. None where a judge decides.
 *
 * @param series of one set
 * @param dev the threshold that was chosen on dev questions, where there are such
 */
export function deriveControls(
  benchmark: Benchmark,
  rule: string,
  series: readonly SeriesAnswers[],
  dev: DevThreshold | null = null,
): ControlSeries[] {
  if (isJudged(benchmark, rule)) return [];
  const regular = series.filter(({ method }) => method === "regular");
  if (benchmark.kind === "yes-no") {
    return [...thresholds(benchmark, rule, regular, dev), ...regular.flatMap(olm)];
  }
  return benchmark.kind === "caption" ? cuts(series, regular) : [];
}

/** Margins are the same under every seed: one series is enough for each way of decoding. */
function thresholds(
  benchmark: Benchmark,
  rule: string,
  regular: readonly SeriesAnswers[],
  dev: DevThreshold | null,
): ControlSeries[] {
  const ofDecodings = [
    regular.find(({ seed }) => seed === null),
    regular.find(({ seed }) => seed !== null),
  ];
  return ofDecodings.flatMap((one) => {
    const margins = one === undefined ? null : marginsOf(one);
    if (one === undefined || margins === null) return [];
    const made = dev === null ? byHalves(benchmark, rule, margins) : byDev(margins, dev);
    if (made === null) return [];
    return [{ method: "threshold", seed: one.seed, matchedTo: null, ...made }];
  });
}

/** A threshold's answers, and how it was chosen. */
type Thresholded = Pick<ControlSeries, "answered" | "setting" | "chosenOn">;

const ABOVE = "yes where ln p(yes) - ln p(no) of regular is above";

function byDev(margins: readonly Margin[], { threshold, questions }: DevThreshold): Thresholded {
  return {
    answered: margins.map((one) => answeredBy(one, threshold)),
    setting: `${ABOVE} ${threshold.toFixed(2)}, chosen on ${questions} dev questions`,
    chosenOn: "dev questions",
  };
}

function byHalves(
  benchmark: Benchmark,
  rule: string,
  margins: readonly Margin[],
): Thresholded | null {
  const made = thresholdAnswers(benchmark, rule, margins);
  if (made === null) return null;
  const [first, second] = made.thresholds.map((tau) => tau.toFixed(2));
  return {
    answered: made.answered,
    setting:
      `${ABOVE} ${first} on one half of the images and ` +
      `${second} on the other, each chosen on the other half`,
    chosenOn: "the other half of the images",
  };
}

/** Null where the margin of an answer is not known. */
function marginsOf({ answered, stored }: SeriesAnswers) {
  const seen = byId(stored);
  const margins = answered.flatMap(({ question }) => {
    const margin = seen.get(question.id)?.margin;
    return margin === undefined ? [] : [{ question, margin }];
  });
  return margins.length === answered.length && margins.length > 0 ? margins : null;
}

function olm({ seed, answered, stored }: SeriesAnswers): ControlSeries[] {
  const seen = byId(stored);
  const made = answered.flatMap(({ question, answer }) => {
    const { margin, mass } = seen.get(question.id) ?? {};
    if (margin === undefined || mass === undefined) return [];
    return [{ question, answer: olmAnswer(answer, margin, mass), verdict: null }];
  });
  if (made.length < answered.length) return [];
  const setting = "yes where p(yes) + p(no) > 0.2 and |p(yes) - p(no)| < 0.5, else as regular";
  return [{ method: "olm", seed, answered: made, matchedTo: null, setting }];
}

function cuts(
  series: readonly SeriesAnswers[],
  regular: readonly SeriesAnswers[],
): ControlSeries[] {
  return series.flatMap(({ method, seed, answered }) => {
    const whole = regular.find((one) => one.seed === seed);
    if (method === "regular" || isDecodedControl(method) || whole === undefined) return [];
    const captions = new Map(whole.answered.map(({ question, answer }) => [question.id, answer]));
    const made = answered.flatMap(({ question, answer }) => {
      const caption = captions.get(question.id);
      if (caption === undefined) return [];
      return [{ question, answer: firstWords(caption, wordCount(answer)), verdict: null }];
    });
    const isCut = made.some(({ question, answer }) => answer !== captions.get(question.id));
    if (!isCut) return [];
    const setting = `captions of regular, cut to as many words as those of ${method}`;
    return [{ method: `cut to ${method}`, seed, answered: made, matchedTo: method, setting }];
  });
}

function byId(stored: readonly StoredAnswer[] = []): Map<string, StoredAnswer> {
  return new Map(stored.map((one) => [one.id, one]));
}
