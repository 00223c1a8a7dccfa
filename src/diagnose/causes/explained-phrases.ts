import { createHash } from "node:crypto";
import { AbortedError } from "../../errors.js";
import type { ObjectFinder } from "../../eval/index.js";
import type { Model, TextModel } from "../../index.js";
import type { Explanation } from "../contract/explanation.js";
import { explainAnswer } from "../evidence/explain-answer.js";
import { type CauseFinding, type CauseOptions, causeOf } from "./cause-of.js";
import type { CheckedPhrase, PlacedPhrases } from "./checked-phrase.js";
import type { JudgedAnswers } from "./judged-phrases.js";
import { scenePhrases } from "./scene-phrases.js";
import type { Scene } from "./scenes.js";

/** An answer about an image, of a method. */
export interface CaptionAnswer {
  readonly set: string;
  readonly id: string;
  readonly method: string;
  /** Name of the image, and where it lies. */
  readonly image: string;
  readonly path: string;
  readonly prompt: string;
  readonly text: string;
  /** Whether it describes the image; else it answers a question about a colour, and its colours alone are looked at. */
  readonly describes: boolean;
}

/** A phrase with its cause. Those that are true have one too, as a control. */
export interface ExplainedPhrase extends CheckedPhrase, CauseFinding {
  readonly set: string;
  readonly id: string;
  readonly method: string;
  readonly image: string;
  /** Whether no object is named behind it. */
  readonly isLast: boolean;
}

/** What phrases are explained with. */
export interface ExplainingTools {
  readonly model: Model;
  readonly base: TextModel | "self";
  /**
   * What the tuning samples of the most similar images say; null where there is no index: instruction tuning, style and
   * vision cannot be told apart then.
   */
  similar(path: string): Promise<readonly string[] | null>;
  readonly finder: ObjectFinder;
  /** What a judge said of the answers; null where rules hold them against the truth. */
  readonly judged: JudgedAnswers | null;
  readonly scenes: ReadonlyMap<string, Scene>;
  /** Whether phrases that are true are explained too. */
  wantsTrue(answer: CaptionAnswer): boolean;
  readonly options: CauseOptions;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The phrases of answers that the truth contradicts, with their causes. Equal answers to one question are explained once,
 * and similar images are looked for once an image. Answers about images without truth have no phrases.
 *
 * @throws AbortedError when the signal fires
 */
export async function explainPhrases(
  answers: readonly CaptionAnswer[],
  tools: ExplainingTools,
): Promise<ExplainedPhrase[]> {
  const explained = new Map<string, Promise<Explanation>>();
  const phrases: ExplainedPhrase[] = [];
  for (const [done, answer] of answers.entries()) {
    if (tools.signal?.aborted === true) throw new AbortedError("stopped before causes were told");
    const found = wanted(answer.text, answer, tools);
    if (found.length > 0) {
      const key = createHash("sha256")
        .update(JSON.stringify([answer.path, answer.prompt, answer.text]))
        .digest("hex");
      const explanation = await remembered(explained, key, () => explain(answer, tools));
      const texts = await tools.similar(answer.path);
      // Places are those of the answer as the model's tokens make it up.
      const told = explanation.answer;
      const lastEnd = Math.max(...tools.finder.find(told).map(({ end }) => end));
      for (const phrase of wanted(told, answer, tools)) {
        const { set, id, method, image } = answer;
        phrases.push({
          ...{ set, id, method, image },
          ...phrase,
          ...causeOf(phrase, told, explanation.tokens, texts, tools.options),
          isLast: phrase.end >= lastEnd,
        });
      }
    }
    tools.onProgress?.(done + 1, answers.length);
  }
  return phrases;
}

/** Phrases that are wrong, and the true ones where they are wanted; those that the truth is silent about are left out. */
function wanted(text: string, answer: CaptionAnswer, tools: ExplainingTools): CheckedPhrase[] {
  const scene = tools.scenes.get(answer.image);
  if (scene === undefined) return [];
  const withTrue = tools.wantsTrue(answer);
  return checkedPhrases(text, answer, scene, tools).filter(
    ({ isTrue }) => isTrue === false || (isTrue === true && withTrue),
  );
}

/**
 * The phrases of an answer that its set is about, held against the truth: by rules, or by a judge, who names what is
 * hallucinated, while rules tell what is true of the rest.
 */
export function checkedPhrases(
  text: string,
  answer: CaptionAnswer,
  scene: Scene,
  { finder, judged }: Pick<ExplainingTools, "finder" | "judged">,
): CheckedPhrase[] {
  const byRules = scenePhrases(text, scene, finder);
  const phrases = judged === null ? byRules : withVerdict(byRules, judged.phrasesIn(answer, text));
  return phrases.filter(({ kind }) => answer.describes || kind === "attribute");
}

/** What a judge names, and of what rules find true the phrases that it does not touch; nothing without a verdict. */
function withVerdict(
  byRules: readonly CheckedPhrase[],
  verdict: PlacedPhrases | null,
): CheckedPhrase[] {
  if (verdict === null) return [];
  const { phrases } = verdict;
  const untouched = byRules.filter(
    ({ isTrue, start, end }) =>
      isTrue === true && !phrases.some((one) => one.start < end && one.end > start),
  );
  return [...phrases, ...untouched].sort((a, b) => a.start - b.start);
}

function explain(
  { path, prompt, text }: CaptionAnswer,
  { model, base, signal }: ExplainingTools,
): Promise<Explanation> {
  const request = { image: path, prompt, answer: text };
  return explainAnswer(model, signal === undefined ? request : { ...request, signal }, {
    base,
    top: 0,
  });
}

/** What was made for a key, made once. */
export function remembered<T>(
  known: Map<string, Promise<T>>,
  key: string,
  make: () => Promise<T>,
): Promise<T> {
  const made = known.get(key) ?? make();
  known.set(key, made);
  return made;
}
