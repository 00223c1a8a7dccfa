import { z } from "zod";
import type { JudgeTask } from "../../eval/index.js";
import { type PlacedPhrases, placePhrases } from "./checked-phrase.js";

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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
