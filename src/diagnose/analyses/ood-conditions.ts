import { parse } from "node:path";
import { type ImageSource, SeededRandom } from "../../index.js";
import type { AnalysisContext, AnalysisData } from "../contract/analysis.js";
import {
  type Asking,
  askSet,
  type ImageQuestion,
  type QuestionSet,
  questionSet,
  type ScoredAnswer,
} from "./ask-set.js";
import { CORRUPTIONS, type Corruption, corruptImage } from "./corrupt-image.js";
import { counted } from "./counted.js";
import { CAPTION_WORDINGS, WORDINGS } from "./wordings.js";

/** Yes/no questions and captions as the model knows them. */
export const KNOWN: readonly [questions: string, captions: string] = [
  "pope_adversarial.jsonl",
  "captions.jsonl",
];
/** The same in another style. */
const STYLE = ["ood_pope_adversarial.jsonl", "ood_captions.jsonl"] as const;
/** Other tasks on the same images. */
const TASKS = [
  "attributes.jsonl",
  "counts.jsonl",
  "relations.jsonl",
  "reasoning.jsonl",
  "direct.jsonl",
];

/** In what a condition differs from what the model knows. */
export type Shift = "style" | "corruption" | "resolution" | "wording" | "task";

/** Every {@link Shift}, in the order in which they are told of. */
export const SHIFTS: readonly Shift[] = ["style", "corruption", "resolution", "wording", "task"];

interface Planned {
  /** Null for what the model knows. */
  readonly shift: Shift | null;
  readonly name: string;
  /** What it is, where the name does not say. */
  readonly what?: string;
  readonly questions: QuestionSet | null;
  readonly captions: QuestionSet | null;
  readonly spoilt?: Corruption;
  readonly prompt?: Asking["prompt"];
}

/** Answers under a condition; none where it is not of that kind. */
export interface Condition extends Pick<Planned, "shift" | "name" | "what"> {
  readonly questions: readonly ScoredAnswer[];
  readonly captions: readonly ScoredAnswer[];
}

/** What the model knows first, then everything else that the data allow. */
export async function answerConditions(
  context: AnalysisContext,
  { severity, maxTokens }: { readonly severity: number; readonly maxTokens: number },
): Promise<Condition[]> {
  const planned = await plan(context.data, maxTokens);
  const sizeOf = (set: QuestionSet | null) => set?.questions.length ?? 0;
  const total = planned.reduce(
    (sum, { questions, captions }) => sum + sizeOf(questions) + sizeOf(captions),
    0,
  );
  const step = counted(context, total);
  const conditions: Condition[] = [];
  for (const { shift, name, what, spoilt, prompt, ...sets } of planned) {
    const asked = [sets.questions, sets.captions];
    const spoiltImages =
      spoilt === undefined ? null : await spoil(context, asked, spoilt, severity);
    const asking: Asking = {
      ...(spoiltImages === null ? {} : { image: ({ image }) => spoiltImages.get(image)! }),
      ...(prompt === undefined ? {} : { prompt }),
    };
    const ask = async (set: QuestionSet | null) =>
      set === null ? [] : askSet(context, set, asking, step);
    const questions = await ask(sets.questions);
    const captions = await ask(sets.captions);
    conditions.push({ shift, name, ...(what === undefined ? {} : { what }), questions, captions });
  }
  return conditions;
}

async function plan(data: AnalysisData, maxTokens: number): Promise<Planned[]> {
  const read = async (file: string) => (data.has(file) ? await questionSet(data, file) : null);
  const captionsOf = async (file: string) => {
    const set = await read(file);
    return set === null ? null : { ...set, maxTokens };
  };
  const questions = (await read(KNOWN[0]))!;
  const captions = (await captionsOf(KNOWN[1]))!;
  const style = { questions: await read(STYLE[0]), captions: await captionsOf(STYLE[1]) };
  const tasks: Planned[] = [];
  for (const file of TASKS) {
    const set = await read(file);
    if (set === null) continue;
    tasks.push({ shift: "task", name: parse(file).name, questions: set, captions: null });
  }
  const isThere = style.questions !== null || style.captions !== null;
  return [
    { shift: null, name: "as known", questions, captions },
    ...(isThere ? [{ shift: "style", name: "style", ...style } as const] : []),
    ...CORRUPTIONS.map((spoilt): Planned => {
      const shift = spoilt === "resolution" ? "resolution" : "corruption";
      return { shift, name: spoilt, questions, captions, spoilt };
    }),
    ...wordings(questions, captions),
    ...tasks,
  ];
}

function wordings(questions: QuestionSet, captions: QuestionSet): Planned[] {
  const ofQuestions = WORDINGS.filter(({ kind }) => kind === "reworded").flatMap(
    ({ name, put }): Omit<Planned, "name">[] => {
      const some = questions.questions.filter(({ prompt }) => put(prompt) !== null);
      const set = { ...questions, questions: some };
      const prompt = (question: ImageQuestion) => put(question.prompt)!;
      return some.length === 0
        ? []
        : [{ shift: "wording", what: name, questions: set, captions: null, prompt }];
    },
  );
  const ofCaptions = CAPTION_WORDINGS.map(
    (words): Omit<Planned, "name"> => ({
      shift: "wording",
      what: words,
      questions: null,
      captions,
      prompt: () => words,
    }),
  );
  return [...ofQuestions, ...ofCaptions].map((one, i) => ({ ...one, name: `words ${i + 1}` }));
}

async function spoil(
  { data, seed, signal }: AnalysisContext,
  sets: readonly (QuestionSet | null)[],
  how: Corruption,
  severity: number,
): Promise<Map<string, ImageSource>> {
  const names = new Set(sets.flatMap((set) => set?.questions.map(({ image }) => image) ?? []));
  const images = new Map<string, ImageSource>();
  for (const name of names) {
    signal.throwIfAborted();
    const random = new SeededRandom(seed, name);
    images.set(name, await corruptImage(data.image(name), how, severity, random));
  }
  return images;
}
