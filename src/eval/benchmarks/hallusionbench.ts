import { z } from "zod";
import { groupBy } from "../../math/group-by.js";
import { firstWordRule } from "../../objects/yes-no-answer.js";
import type {
  Benchmark,
  BenchmarkFiles,
  Cell,
  Counts,
  Metric,
  Question,
  Score,
  ScoredQuestion,
} from "../contract/benchmark.js";
import { readQuestions } from "../data/read-questions.js";
import { identifier } from "../data/read-shaped.js";
import { ratioMetric } from "../metrics/ratio-metric.js";
import { hallusionBenchTask, quotedAnswer } from "../rules/judge-tasks.js";
import { cellOf } from "../rules/yes-no.js";

const row = z.object({
  category: z.string(),
  subcategory: z.string(),
  set_id: identifier,
  figure_id: identifier,
  question_id: identifier,
  visual_input: identifier,
  question: z.string().min(1),
  gt_answer: identifier,
  gt_answer_details: z.string().optional(),
});
type Row = z.infer<typeof row>;

/** Correctness as the authors code it. */
type Judgement = "incorrect" | "correct" | "unclear";

const accuracyOf = (asked: "asked" | "figures" | "pairs" | "easy" | "hard") => ({
  unit: "percent" as const,
  better: "higher" as const,
  part: asked === "asked" ? "correct" : `${asked}Correct`,
  whole: asked,
  undefinedReason: "no such question",
});

const metrics: readonly Metric[] = [
  { name: "accuracy", title: "Accuracy per question", ...accuracyOf("asked") },
  { name: "figure_accuracy", title: "Accuracy per figure", ...accuracyOf("figures") },
  { name: "question_pair_accuracy", title: "Accuracy per question pair", ...accuracyOf("pairs") },
  { name: "easy_accuracy", title: "Easy questions", ...accuracyOf("easy") },
  { name: "hard_accuracy", title: "Hard questions", ...accuracyOf("hard") },
].map(ratioMetric);

/**
 * HallusionBench: questions come in sets that are asked about an original and about edited figures. A
 * figure is right when all its questions are, a question pair when the question is right about every
 * figure; easy questions are about the original figure (number 0), hard ones about edited figures.
 * In category VS figure 0 is no figure: there "unclear" is right, and it is no figure of its own.
 *
 * Rules: `judge` takes a judge's word (correct, incorrect, else unclear); `yes-no` compares the answer's
 * first word with the truth and needs no judge.
 *
 * @see Guan et al. 2024, arXiv 2310.14566; utils.py
 */
export const hallusionBench: Benchmark = {
  name: "hallusionbench",
  title: "HallusionBench",
  kind: "yes-no",
  source: "Guan et al. 2024, arXiv 2310.14566; tianyi-lab/HallusionBench utils.py",
  rules: ["judge", "yes-no"],
  judgedRules: ["judge"],
  metrics,
  primaryMetric: "accuracy",
  maxNewTokens: 64,
  clusterCounts: setCounts,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const options = { benchmark: "hallusionbench", schema: row, identify: idOf };
  const rows = readQuestions(files, options);
  return rows.map(({ value, where }) => ({
    id: idOf(value),
    image: value.visual_input === "0" ? null : imageOf(value),
    prompt: value.question,
    cluster: `${value.category}_${value.subcategory}_${value.set_id}`,
    group: `${value.category}_${value.subcategory}`,
    truth: value.gt_answer_details ?? (value.gt_answer === "1" ? "Yes." : "No."),
    where,
    judgeTask: (answer) =>
      hallusionBenchTask({
        question: value.question,
        imageContent: null,
        reference: value.gt_answer_details ?? (value.gt_answer === "1" ? "Yes." : "No."),
        answer: quotedAnswer(answer),
      }),
    score: (answer, { rule, verdict }) =>
      scoreJudgement(rule === "yes-no" ? compare(answer, value.gt_answer) : read(verdict), value),
  }));
}

function idOf(value: Row): string {
  const { category, subcategory, set_id, figure_id, question_id } = value;
  return [category, subcategory, set_id, figure_id, question_id].join("_");
}

function imageOf(value: Row): string {
  return `${value.category}/${value.subcategory}/${value.set_id}_${value.figure_id}.png`;
}

/** `incorrect` is looked for before `correct`, which it contains; the authors' codes 0, 1, 2 are read too. */
function read(verdict: string | null): Judgement | null {
  if (verdict === null) return null;
  const text = verdict.toLowerCase().trim();
  if (text === "0" || text.includes("incorrect")) return "incorrect";
  return text === "1" || text.includes("correct") ? "correct" : "unclear";
}

function compare(answer: string, truth: string): Judgement {
  const word = firstWordRule(answer);
  if (word === "unparsed") return "unclear";
  return (word === "yes") === (truth === "1") ? "correct" : "incorrect";
}

function scoreJudgement(judgement: Judgement | null, value: Row): Score {
  if (judgement === null) {
    return {
      outcome: "unparsed",
      extracted: null,
      explanation: "no verdict: not judged, or the judge failed",
      counts: { unjudged: 1, unparsed: 1 },
    };
  }
  const unclearIsRight = value.category === "VS" && value.figure_id === "0";
  const right = judgement === "correct" || (judgement === "unclear" && unclearIsRight);
  const level = value.figure_id === "0" ? "easy" : "hard";
  return {
    outcome: judgement === "unclear" && !right ? "unparsed" : right ? "right" : "wrong",
    extracted: judgement,
    explanation: `judged ${judgement}`,
    counts: {
      asked: 1,
      correct: right ? 1 : 0,
      [level]: 1,
      [`${level}Correct`]: right ? 1 : 0,
      ...(judgement === "unclear" ? { unparsed: 1 } : { [judgedCell(judgement, value)]: 1 }),
    },
  };
}

/** A judge says whether the answer was right, not whether it was yes. */
function judgedCell(judgement: "correct" | "incorrect", { gt_answer: truth }: Row): Cell {
  const label = truth === "1" ? "yes" : "no";
  const said = judgement === "correct" ? label : label === "yes" ? "no" : "yes";
  return cellOf(said, label);
}

/** Figures and question pairs of one set, all of whose judged answers are right. */
function setCounts(scored: readonly ScoredQuestion[]): Counts {
  const judged = scored.filter(({ score }) => score.extracted !== null);
  const key = (id: string, drop: number) => id.split("_").toSpliced(drop, 1).join("_");
  const figures = groupBy(
    judged.filter(({ question }) => !/^VS_.*_0_[^_]+$/.test(question.id)),
    ({ question }) => key(question.id, -1),
  );
  const pairs = groupBy(judged, ({ question }) => key(question.id, -2));
  const allRight = (groups: Map<string, ScoredQuestion[]>) =>
    [...groups.values()].filter((group) => group.every(({ score }) => score.counts.correct === 1))
      .length;
  return {
    figures: figures.size,
    figuresCorrect: allRight(figures),
    pairs: pairs.size,
    pairsCorrect: allRight(pairs),
  };
}
