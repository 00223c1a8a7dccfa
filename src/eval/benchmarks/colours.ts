import { z } from "zod";
import type { Benchmark, BenchmarkFiles, Metric, Question, Score } from "../contract/benchmark.js";
import { readQuestions } from "../data/read-questions.js";
import { identifier } from "../data/read-shaped.js";
import { shownValue } from "../data/shown-value.js";
import { type RatioMetricOptions, ratioMetric } from "../metrics/ratio-metric.js";

const row = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  answer: z.string().min(1),
  usual: z.string().nullish(),
  is_usual: z.boolean(),
  object: z.string().optional(),
});
type Row = z.infer<typeof row>;

/** Colour words and what they count as. */
const COLOURS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    red: "red",
    orange: "orange",
    yellow: "yellow",
    green: "green",
    blue: "blue",
    purple: "purple",
    violet: "purple",
    pink: "pink",
    brown: "brown",
    grey: "grey",
    gray: "grey",
    black: "black",
    white: "white",
  }),
);

/** A share of answers, by the names of two counts. */
type ShareOptions = Omit<RatioMetricOptions, "unit">;
const share = (options: ShareOptions): Metric => ratioMetric({ ...options, unit: "share" });

const metrics: readonly Metric[] = [
  share({
    name: "accuracy",
    title: "Accuracy",
    better: "higher",
    part: "correct",
    whole: "asked",
    undefinedReason: "no question",
  }),
  share({
    name: "accuracy_unusual",
    title: "Accuracy, unusual colour",
    better: "higher",
    part: "unusualCorrect",
    whole: "unusual",
    undefinedReason: "no object has an unusual colour",
  }),
  share({
    name: "accuracy_usual",
    title: "Accuracy, usual colour",
    better: "higher",
    part: "usualCorrect",
    whole: "usual",
    undefinedReason: "no object has its usual colour",
  }),
  share({
    name: "usual_answer_rate",
    title: "Answers the usual colour instead",
    better: "lower",
    part: "saidUsual",
    whole: "unusual",
    undefinedReason: "no object has an unusual colour",
  }),
  share({
    name: "usual_share_of_errors",
    title: "Share of errors that are the usual colour",
    better: "neither",
    part: "saidUsual",
    whole: "unusualWrong",
    undefinedReason: "no wrong answer about an unusual colour",
  }),
];

/**
 * Colours, usual and unusual: does the model see a blue banana, or say what bananas usually are? The
 * first colour word of the answer counts; an answer without one is unparsed and wrong.
 *
 * @see the language-prior analysis of VCD, arXiv 2311.16922, section 3
 */
export const colours: Benchmark = {
  name: "colours",
  title: "Colours",
  source: "the language-prior analysis of VCD, arXiv 2311.16922",
  rules: ["first-colour"],
  metrics,
  primaryMetric: "accuracy_unusual",
  maxNewTokens: 16,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const identify = (value: Row) => value.question_id;
  const check = ({ answer }: Row) =>
    colourIn(answer) === null
      ? `unknown label ${shownValue(answer)}; expected one of ${[...COLOURS.keys()].join(", ")}`
      : null;
  const rows = readQuestions(files, { benchmark: "colours", schema: row, identify, check });
  return rows.map(({ value, where }) => {
    return {
      id: value.question_id,
      image: value.image,
      prompt: value.text,
      cluster: value.image,
      group: value.is_usual ? "usual colour" : "unusual colour",
      truth: value.answer,
      where,
      score: (answer) => scoreColour(answer, value),
    };
  });
}

/** "The orange is blue": the thing's name, which may be a colour word, is not its colour. */
function withoutObject(answer: string, object: string | undefined): string {
  if (object === undefined) return answer;
  const name = object.replaceAll(/[^\p{L}\p{N}\s-]/gu, "");
  return answer.replace(new RegExp(`\\b(the|this|an?)\\s+${name}\\b`, "iu"), "");
}

function colourIn(text: string): string | null {
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const colour = COLOURS.get(word);
    if (colour !== undefined) return colour;
  }
  return null;
}

function scoreColour(answer: string, value: Row): Score {
  const said = colourIn(withoutObject(answer, value.object));
  const right = said === colourIn(value.answer);
  const usual = colourIn(value.usual ?? "");
  const kind = value.is_usual ? "usual" : "unusual";
  return {
    outcome: said === null ? "unparsed" : right ? "right" : "wrong",
    extracted: said,
    explanation:
      said === null
        ? "no colour word"
        : !right && said === usual
          ? "the usual colour, which is not the one shown"
          : `said ${said}`,
    counts: {
      asked: 1,
      correct: right ? 1 : 0,
      [kind]: 1,
      [`${kind}Correct`]: right ? 1 : 0,
      ...(kind === "unusual" && !right ? { unusualWrong: 1 } : {}),
      ...(kind === "unusual" && !right && said !== null && said === usual ? { saidUsual: 1 } : {}),
      ...(said === null ? { unparsed: 1 } : {}),
    },
  };
}
