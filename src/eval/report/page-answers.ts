import type { Question, Score, ScoredQuestion } from "../contract/benchmark.js";
import {
  MISSING,
  type PageQuestion,
  type PageScripts,
  type PageSeries,
  type PageSet,
  variantMark,
} from "./page-data.js";
import type { SetAnalysis } from "./run-analysis.js";
import type { ScoredMethod } from "./scored-method.js";

/** Questions in a script: few enough to load at once, many enough that a long list needs few scripts. */
const PART_SIZE = 200;

/** A set with all its scored answers. */
export interface AnsweredSet {
  readonly set: Pick<SetAnalysis, "name" | "title">;
  readonly methods: readonly ScoredMethod[];
}

/** All answers of a run as its page reads them. */
export function pageScripts(
  sets: readonly AnsweredSet[],
  pictureOf: (set: string, image: string) => string | null,
): PageScripts {
  const pages = sets.map((one) => pageSet(one, pictureOf));
  return { index: pages.map(({ index }) => index), parts: pages.map(({ parts }) => parts) };
}

function pageSet(
  { set, methods }: AnsweredSet,
  pictureOf: (set: string, image: string) => string | null,
): { index: PageSet; parts: PageQuestion[][] } {
  const series = methods.flatMap(seriesOf);
  const questions = new Map<string, Question>();
  for (const { answers } of series) {
    for (const [id, { question }] of answers) if (!questions.has(id)) questions.set(id, question);
  }
  const marks = series.map(() => ({ outcomes: "", variants: "" }));
  const pages: PageQuestion[] = [];
  for (const [id, { image, prompt, truth }] of questions) {
    const different = new Map<string, PageQuestion["answers"][number]>();
    for (const [index, { answers }] of series.entries()) {
      const given = answers.get(id);
      const mark = marks[index]!;
      mark.outcomes += given === undefined ? MISSING : OUTCOMES[given.score.outcome ?? "neither"];
      mark.variants += given === undefined ? MISSING : variantMark(numberOf(given, different));
    }
    const picture = image === null ? null : pictureOf(set.name, image);
    pages.push({ id, prompt, truth, image, picture, answers: [...different.values()] });
  }
  const index: PageSet = {
    name: set.name,
    title: set.title,
    questions: pages.length,
    partSize: PART_SIZE,
    series: series.map(
      ({ method, decoding }, k): PageSeries => ({ method, decoding, ...marks[k]! }),
    ),
  };
  return { index, parts: cut(pages) };
}

const OUTCOMES: Readonly<Record<NonNullable<Score["outcome"]> | "neither", string>> = {
  right: "r",
  wrong: "w",
  unparsed: "u",
  neither: "n",
};

/** The number of an answer among the different ones to its question, which it joins. */
function numberOf(
  { answer, score: { explanation } }: ScoredQuestion,
  different: Map<string, PageQuestion["answers"][number]>,
): number {
  const key = JSON.stringify([answer, explanation]);
  if (!different.has(key)) different.set(key, { text: answer, explanation });
  return [...different.keys()].indexOf(key);
}

/** The series of a method: one for each seed or draw. */
function seriesOf({ method, decoding, seeds, scores }: ScoredMethod) {
  return scores.map(({ scored }, index) => {
    const draw = scores.length === 1 ? "greedy" : `greedy, draw ${index + 1}`;
    return {
      method,
      decoding: decoding === "greedy" ? draw : `seed ${seeds[index]}`,
      answers: new Map(scored.map((one) => [one.question.id, one])),
    };
  });
}

function cut(questions: readonly PageQuestion[]): PageQuestion[][] {
  const parts = Math.ceil(questions.length / PART_SIZE);
  return Array.from({ length: parts }, (_, part) =>
    questions.slice(part * PART_SIZE, (part + 1) * PART_SIZE),
  );
}
