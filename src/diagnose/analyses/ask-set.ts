import { parse } from "node:path";
import { z } from "zod";
import { benchmarkNamed, POCKET_SETS, type Question, type Score } from "../../eval/index.js";
import type {
  Answer,
  ContentPart,
  GenerateOptions,
  GenerateRequest,
  ImageSource,
} from "../../index.js";
import type { AnalysisContext, AnalysisData } from "../contract/analysis.js";
import { answerAll } from "./answer-all.js";

/** A question about an image. */
export interface ImageQuestion extends Question {
  readonly image: string;
  /** What the image is told to show, where that is part of the question. */
  readonly description?: string;
}

/** Questions about images, and how answers to them are scored. */
export interface QuestionSet {
  readonly name: string;
  readonly rule: string;
  /** Longest answer. */
  readonly maxTokens: number;
  readonly questions: readonly ImageQuestion[];
}

/** An answer with its score. */
export interface ScoredAnswer {
  readonly question: ImageQuestion;
  readonly answer: Answer;
  readonly score: Score;
}

/**
 * The questions of a file of the pocket bench's form, of the first images where the data have a limit.
 *
 * @param file one that the pocket bench has, such as `pope_adversarial.jsonl`
 * @param rule of its benchmark; the one that the pocket bench is scored by where left out
 * @throws DatasetError for rows that do not fit
 */
export async function questionSet(
  data: AnalysisData,
  file: string,
  rule?: string,
): Promise<QuestionSet> {
  const { name } = parse(file);
  const { benchmark, rule: usual, truth } = POCKET_SETS[name]!;
  const { rules, maxNewTokens, load } = benchmarkNamed(benchmark);
  const within = new Set((await data.rows(file, IMAGE_ROW)).map(({ value }) => value.image));
  const questions = load({
    data: await data.file(file),
    truth: truth === undefined ? null : await data.file(truth),
  });
  return {
    name,
    rule: rule ?? usual ?? rules[0],
    maxTokens: maxNewTokens,
    questions: questions.filter(
      (question): question is ImageQuestion =>
        question.image !== null && within.has(question.image),
    ),
  };
}

const IMAGE_ROW = z.object({ image: z.string().min(1) });

/** How a question is put, where not as it stands. */
export interface Asking {
  /** The image; that of the data where left out, none where null. */
  readonly image?: (question: ImageQuestion) => ImageSource | null;
  readonly prompt?: (question: ImageQuestion) => string;
  /** Method, temperature, seed. */
  readonly options?: GenerateOptions;
}

/** A set's answers in the order of its questions, greedily unless options say so. */
export async function askSet(
  context: Pick<AnalysisContext, "model" | "data" | "signal" | "keep">,
  { questions, rule, maxTokens }: QuestionSet,
  asking: Asking = {},
  onAnswer?: () => void,
): Promise<ScoredAnswer[]> {
  const requests = questions.map((question) =>
    requestFor(question, context.data, maxTokens, asking),
  );
  const answers = await answerAll(context, requests, onAnswer);
  return answers.map((answer, i) => {
    const question = questions[i]!;
    return { question, answer, score: question.score(answer.text, { rule, verdict: null }) };
  });
}

/** What a model is asked a question with. */
export function requestFor(
  question: ImageQuestion,
  data: AnalysisData,
  maxTokens: number,
  { image: imageFor, prompt: promptFor, options }: Asking,
): GenerateRequest {
  const image = imageFor === undefined ? data.image(question.image) : imageFor(question);
  const prompt = promptFor?.(question) ?? question.prompt;
  const { description } = question;
  if (description === undefined) {
    return { ...options, maxTokens, prompt, ...(image === null ? {} : { image }) };
  }
  // VDGD's words and order: the description before the image.
  const told = `The input image is described as follows: ${description} `;
  const content: ContentPart[] =
    image === null
      ? [{ type: "text", text: told + prompt }]
      : [
          { type: "text", text: told },
          { type: "image", image },
          { type: "text", text: prompt },
        ];
  return { ...options, maxTokens, turns: [{ role: "user", content }] };
}

/** The image that an answer is about: the cluster of intervals. */
export function imageOf({ question }: Pick<ScoredAnswer, "question">): string {
  return question.image;
}

/** Whether an answer is right; of a caption, whether it invents nothing. */
export function isRight({ score }: ScoredAnswer): boolean {
  return score.outcome === "right";
}

/** Whether a yes/no question is answered with yes. */
export function saysYes({ score }: ScoredAnswer): boolean {
  return score.extracted === "yes";
}

/** Whether a question whose answer is no is asked. */
export function isAboutAbsent({ question }: ScoredAnswer): boolean {
  return question.truth === "no";
}

/** Whether a caption names an object that is not there. */
export function invents({ score }: ScoredAnswer): boolean {
  return (score.counts.hallucinatedCaptions ?? 0) > 0;
}
