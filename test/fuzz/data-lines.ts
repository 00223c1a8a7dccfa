import { BENCHMARKS } from "../../src/eval/benchmarks/registry.js";
import type { Benchmark, Question } from "../../src/eval/contract/benchmark.js";
import { answersBySeries } from "../../src/eval/data/read-answers.js";
import { readObjectAnnotations } from "../../src/eval/data/read-object-annotations.js";
import type { AnsweredQuestion } from "../../src/eval/scoring/answer-matcher.js";
import { matchAnswers, readAnswersTo } from "../../src/eval/scoring/match-answers.js";
import { scoreMatched } from "../../src/eval/scoring/score-answers.js";
import { metricIntervals } from "../../src/eval/statistics/metric-intervals.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { mutated, pick } from "./mutated.js";

const ROW = {
  question_id: 1,
  id: 1,
  image: "a.png",
  image_id: "1",
  text: "Is there a dog?",
  query: "Is there a dog?",
  question: "Is there a dog?",
  label: "yes",
  truth: "yes",
  answer: "red",
  is_usual: false,
  usual: "blue",
  object: "dog",
  rubric: ["dog"],
  forbidden: ["cat"],
  type: "existence",
  category: "existence",
  subcategory: "chart",
  set_id: 0,
  figure_id: 0,
  visual_input: 1,
  gt_answer: "1",
  image_content: ["dog"],
  image_path: "a.png",
  options: ["red", "blue"],
  tag: "recognition",
};
const ANSWER = {
  question_id: 1,
  text: "Yes, there are 2 red dogs and a car.",
  verdict: "Rating: 4",
  method: "regular",
  seed: 1,
};
const WORDS =
  'yes no Yes. dog orange constructor __proto__ toString 3 {"score":5} Rating: correct \u0000 \ud83d\ude00'.split(
    " ",
  );

/**
 * Mutated question, truth, answer and verdict lines through reading, matching, scoring and intervals.
 * Whatever they hold, they are scored with finite figures or refused.
 */
export function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  let what = "";
  const run = (index: number) => {
    const random = new SeededRandom(seed, `data-lines ${index}`);
    const benchmark = pick(random, BENCHMARKS);
    const files = filesFor(benchmark, random);
    what = `${benchmark.name}\n${shown(files)}\n`;
    useFiles(benchmark, files, random);
  };
  return fuzzed(
    { name: "data-lines", cases: Math.min(cases, 20_000), seed, run, describe: () => what },
    bounds,
  );
}

interface Files {
  readonly questions: string;
  readonly objects: string;
  readonly answers: string;
}

function filesFor(benchmark: Benchmark, random: SeededRandom): Files {
  const rows = Array.from({ length: 1 + random.integer(3) }, (_, i) => i + 1);
  const isLabelled = benchmark.name.startsWith("amber") && random.integer(2) === 0;
  const question = (i: number) => ({
    ...ROW,
    question_id: i,
    id: i,
    // MME wants two questions for each image.
    image: benchmark.name === "mme" ? `${i >> 1}.png` : `${i}.png`,
    image_id: String(i),
    figure_id: i,
    ...(benchmark.name === "dash-b" ? { answer: "yes" } : {}),
    ...(benchmark.name.startsWith("amber") && !isLabelled
      ? { type: pick(random, ["generative", "existence"]), truth: ["dog"], hallu: ["cat"] }
      : {}),
  });
  const answer = (i: number) => ({
    ...ANSWER,
    question_id: i,
    text: random.integer(2) === 0 ? ANSWER.text : sentence(random),
    verdict: random.integer(2) === 0 ? ANSWER.verdict : sentence(random),
  });
  const objects = { "1.png": ["dog", "car"], "2.png": ["cat"], "3.png": [] };
  const mayMutate = <T>(value: T[]) =>
    random.integer(2) === 0 ? mutated(value, random) : lines(value);
  return {
    questions: mayMutate(rows.map(question)),
    objects: random.integer(4) === 0 ? mutated([objects], random) : JSON.stringify(objects),
    answers: mayMutate(rows.map(answer)),
  };
}

function lines(rows: readonly unknown[]): string {
  return rows.map((row) => JSON.stringify(row)).join("\n");
}

function sentence(random: SeededRandom): string {
  return Array.from({ length: random.integer(12) }, () => pick(random, WORDS)).join(" ");
}

function useFiles(benchmark: Benchmark, files: Files, random: SeededRandom): void {
  const data = { name: "questions.jsonl", text: files.questions };
  const objects = { name: "objects.json", text: files.objects };
  if (random.integer(8) === 0) readObjectAnnotations(objects);
  const questions = benchmark.load(
    benchmark.name === "chair"
      ? { data: random.integer(2) === 0 ? data : null, truth: objects }
      : { data: null, truth: data },
  );
  const answers = readAnswersTo(benchmark, questions, { name: "answers", text: files.answers });
  for (const rows of answersBySeries(answers).values()) {
    const matched = matchAnswers(benchmark, questions, rows, true).answered;
    for (const { question, answer } of matched) requireText(benchmark, question, answer);
    for (const rule of benchmark.rules) requireFigures(benchmark, matched, rule);
  }
}

function requireText(benchmark: Benchmark, question: Question, answer: string): void {
  for (const rule of benchmark.judgedRules ?? []) {
    const prompt = question.judgeTask?.(answer, rule).prompt ?? "";
    if (!prompt.includes(answer)) throw new Error("no answer in prompt");
  }
}

function requireFigures(
  benchmark: Benchmark,
  matched: readonly AnsweredQuestion[],
  rule: string,
): void {
  const score = scoreMatched(benchmark, matched, rule);
  for (const [key, count] of Object.entries(score.counts)) {
    if (!Number.isFinite(count)) throw new Error(`count ${key} is ${String(count)}`);
  }
  for (const { score: one } of score.scored) {
    if (one.extracted !== null && typeof one.extracted !== "string") throw new Error("extracted");
  }
  for (const [key, { value }] of Object.entries(score.metrics)) {
    if (value !== null && !Number.isFinite(value)) throw new Error(`metric ${key} is ${value}`);
  }
  const clusters = [...score.clusters.values()];
  const intervals = metricIntervals(clusters, benchmark.metrics, { resamples: 100 });
  for (const [key, interval] of Object.entries(intervals)) {
    if (interval !== null && !(interval.low < interval.high)) throw new Error(`interval ${key}`);
  }
}

function shown(files: Files): string {
  const entries = Object.entries(files).map(([name, text]) => `${name}: ${text.slice(0, 1000)}`);
  return entries.join("\n");
}
