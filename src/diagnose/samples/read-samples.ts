import { z } from "zod";
import { type DataFile, parseRows, readShaped } from "../../eval/index.js";

/** What a model was shown of an image while it was tuned. */
export interface TuningSample {
  /** File name of the image inside the images' folder. */
  readonly image: string;
  /** All that was said about it: questions, answers, captions. */
  readonly texts: readonly string[];
}

const text = z.string().min(1);
const said = z.looseObject({ text: text.optional(), answer: text.optional() });
const row = z
  .object({
    image: text,
    /** LLaVA's form. */
    conversations: z.array(z.object({ value: z.string() })).default([]),
    prompt: text.optional(),
    text: text.optional(),
    caption: text.optional(),
    reference: text.optional(),
    questions: z.array(said).default([]),
  })
  .transform(({ image, conversations, questions, prompt, text, caption, reference }, context) => {
    const texts = [
      ...conversations.map(({ value }) => value),
      ...[prompt, text, caption, reference],
      ...questions.flatMap((one) => [one.text, one.answer]),
    ].filter((one): one is string => one !== undefined && one.trim() !== "");
    if (texts.length === 0) {
      context.addIssue({
        code: "custom",
        message: "expected what was said about it: conversations, text, caption or questions",
      });
    }
    return { image, texts };
  });

/**
 * Reads tuning samples: JSONL or a JSON array of rows with `image` and what was said about it, as `conversations`
 * (LLaVA's form: `[{from, value}]`) or as `prompt`, `text`, `caption`, `reference`, `questions` (`[{text, answer}]`).
 *
 * @throws DatasetError naming file and line of every row that does not fit
 */
export function readTuningSamples({ name, text }: DataFile): TuningSample[] {
  return readShaped(parseRows(text, name), row).map(({ value }) => value);
}
