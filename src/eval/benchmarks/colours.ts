import { z } from "zod";
import { DatasetError } from "../../errors.js";
import type { Benchmark, BenchmarkFiles, Counts, Metric, Question, Score } from "../benchmark.js";
import { count, ratio } from "../counts.js";
import { parseRows } from "../data/parse-rows.js";
import { identifier, readShaped, refuseDuplicates } from "../data/read-shaped.js";

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
const COLOURS: Readonly<Record<string, string>> = {
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
};

const share = (
  name: string,
  title: string,
  better: Metric["better"],
  right: string,
  all: string,
  reason: string,
): Metric => ({
  name,
  title,
  unit: "share",
  better,
  of: (c: Counts) => ratio(count(c, right), count(c, all), reason),
});

const metrics: readonly Metric[] = [
  share("accuracy", "Accuracy", "higher", "correct", "asked", "no question"),
  share(
    "accuracy_unusual",
    "Accuracy, unusual colour",
    "higher",
    "unusualCorrect",
    "unusual",
    "no object has an unusual colour",
  ),
  share(
    "accuracy_usual",
    "Accuracy, usual colour",
    "higher",
    "usualCorrect",
    "usual",
    "no object has its usual colour",
  ),
  share(
    "usual_answer_rate",
    "Answers the usual colour instead",
    "lower",
    "saidUsual",
    "unusual",
    "no object has an unusual colour",
  ),
  share(
    "usual_share_of_errors",
    "Share of errors that are the usual colour",
    "neither",
    "saidUsual",
    "unusualWrong",
    "no wrong answer about an unusual colour",
  ),
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
  judgedRules: [],
  metrics,
  primaryMetric: "accuracy_unusual",
  maxNewTokens: 16,
  truthIsSuperset: false,
  load,
};

function load({ data, truth }: BenchmarkFiles): Question[] {
  const file = data ?? truth;
  if (file === null) throw new DatasetError("colours: no question file");
  const rows = readShaped(parseRows(file.text, file.name), row);
  refuseDuplicates(rows, (value) => value.question_id);
  return rows.map(({ value, where }) => {
    if (colourIn(value.answer) === null) {
      throw new DatasetError(
        `${where}: unknown label "${value.answer}"; expected one of ${Object.keys(COLOURS).join(", ")}`,
      );
    }
    return {
      id: value.question_id,
      image: value.image,
      prompt: value.text,
      cluster: value.image,
      group: value.is_usual ? "usual colour" : "unusual colour",
      truth: value.answer,
      where,
      judgeTask: null,
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
    const colour = COLOURS[word];
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
