import { z } from "zod";
import { type JudgeSetup, type JudgeTask, judgeAnswers } from "../../eval/index.js";
import { type PlacedPhrases, placePhrases } from "./checked-phrase.js";
import type { Scene } from "./scenes.js";

const verdict = z.object({
  phrases: z.array(
    z.object({
      text: z.string().min(1),
      kind: z.enum(["object", "attribute", "relation-action", "relation"]),
    }),
  ),
});

/**
 * What a judge is asked to find the hallucinated phrases of an answer.
 *
 * @param truth what the image shows, in words: a reference caption, or a list of its objects
 */
export function phraseTask(question: string, answer: string, truth: string): JudgeTask {
  return {
    prompt: `An image shows: ${truth}

Somebody was asked about it: ${question}
The answer was: ${answer}

List every phrase of the answer that the image does not bear out, word for word as the answer has it and as short as it can be. Kinds: "object" for a thing that is not there, "attribute" for a thing that is there and is not like that, "relation-action" for an action that does not take place, "relation" for things that do not stand to each other like that. An answer without such phrases has an empty list. Reply with JSON: {"phrases": [{"text": "...", "kind": "..."}]}`,
    schema: z.toJSONSchema(verdict),
  };
}

/** The phrases that a judge named, where they stand in the answer; null when there was no verdict. */
export function judgedPhrases(answer: string, reply: string | null): PlacedPhrases | null {
  if (reply === null) return null;
  const { data } = verdict.safeParse(parsed(reply));
  return data === undefined ? null : placePhrases(answer, data.phrases);
}

/** An answer that a judge is asked about. */
export interface AnswerToJudge {
  readonly image: string;
  readonly prompt: string;
  readonly text: string;
}

/** What a judge said of answers. */
export interface JudgedAnswers {
  /**
   * The hallucinated phrases that the judge named of an answer, where they stand in a text of it; null where there was no
   * verdict.
   *
   * @param text the answer's, or as its tokens make it up
   */
  phrasesIn(answer: AnswerToJudge, text: string): PlacedPhrases | null;
  /** Answers without a verdict. */
  readonly withoutVerdict: number;
}

/**
 * Asks a judge for the hallucinated phrases of answers, all about images whose truth is known. Equal answers are judged
 * once, and verdicts are stored: asking again costs nothing.
 *
 * @throws AbortedError when the signal fires; verdicts got so far stay stored
 */
export async function judgePhrases(
  answers: readonly AnswerToJudge[],
  scenes: ReadonlyMap<string, Scene>,
  setup: JudgeSetup,
  signal?: AbortSignal,
): Promise<JudgedAnswers> {
  const known = answers.filter(({ image }) => scenes.has(image));
  const tasks = known.map(({ image, prompt, text }) =>
    phraseTask(prompt, text, inWords(scenes.get(image)!)),
  );
  const { verdicts } = await judgeAnswers(setup.judge, tasks, {
    ...setup,
    ...(signal === undefined ? {} : { signal }),
  });
  const replies = new Map(known.map((answer, i) => [nameOf(answer), verdicts[i] ?? null]));
  return {
    phrasesIn: (answer, text) => judgedPhrases(text, replies.get(nameOf(answer)) ?? null),
    withoutVerdict: verdicts.filter((verdict) => verdict === null).length,
  };
}

function nameOf({ image, prompt, text }: AnswerToJudge): string {
  return JSON.stringify([image, prompt, text]);
}

/** What an image shows, for a judge. */
function inWords({ objects, relations = [] }: Scene): string {
  const things = objects.map(({ name, colour }) => (colour ? `${name} (${colour})` : name));
  return [
    objects.length === 0 ? "no object that is known of" : things.join(", "),
    ...relations.map((relation) => relation.join(" ")),
  ].join("; ");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
