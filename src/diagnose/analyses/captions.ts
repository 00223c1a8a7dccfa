import { z } from "zod";
import { objectFinder, readObjectAnnotations } from "../../eval/index.js";
import type { Answer, GenerateOptions } from "../../index.js";
import type { AnalysisContext, AnalysisData } from "../contract/analysis.js";
import { answerAll } from "./answer-all.js";

/** An object that a caption names. */
export interface NamedObject {
  readonly object: string;
  /** Whether it is in the image. */
  readonly isThere: boolean;
  /** Number of its first token in the caption. */
  readonly token: number;
}

/** A caption that the model gave, greedily. */
export interface ModelCaption {
  readonly image: string;
  readonly prompt: string;
  readonly answer: Answer;
  readonly objects: readonly NamedObject[];
}

/** A row of a file of captions, as the pocket bench has them. */
export const CAPTION_ROW: z.ZodType<{ image: string; text: string }> = z.object({
  image: z.string().min(1),
  text: z.string().min(1),
});

/**
 * The model's captions of a file's images, and what they name, by CHAIR's rule against `objects_by_image.json`.
 *
 * @param file such as `captions.jsonl`
 * @param options method and seed; plainly by default
 */
export async function modelCaptions(
  context: AnalysisContext,
  file: string,
  maxTokens: number,
  onAnswer?: () => void,
  options: Pick<GenerateOptions, "method" | "seed"> = {},
): Promise<ModelCaption[]> {
  const { data } = context;
  const objectsOf = await captionObjects(data);
  const rows = (await data.rows(file, CAPTION_ROW)).map(({ value }) => value);
  const requests = rows.map(({ image, text }) => ({
    image: data.image(image),
    prompt: text,
    maxTokens,
    ...options,
  }));
  const answers = await answerAll(context, requests, onAnswer);
  return answers.map((answer, i) => {
    const { image, text: prompt } = rows[i]!;
    return { image, prompt, answer, objects: objectsOf(image, answer) };
  });
}

/** How the objects of captions are found, by CHAIR's rule against `objects_by_image.json`. */
export async function captionObjects(
  data: AnalysisData,
): Promise<(image: string, answer: Answer) => NamedObject[]> {
  const truth = readObjectAnnotations(await data.file("objects_by_image.json"));
  const finder = objectFinder({ rule: "colour-aware", names: new Set([...truth.values()].flat()) });
  return (image, answer) => {
    const there = new Set((truth.get(image) ?? []).map(finder.canonical));
    return finder.find(answer.text).flatMap(({ object, start }) => {
      const token = tokenAt(answer, start);
      return token < 0 ? [] : [{ object, isThere: there.has(object), token }];
    });
  };
}

/** The token in which a character of an answer's text stands; -1 where there is none. */
function tokenAt({ text, tokens }: Answer, offset: number): number {
  const whole = tokens.map((token) => token.text).join("");
  const place = offset + Math.max(0, whole.indexOf(text));
  let end = 0;
  return tokens.findIndex((token) => {
    end += token.text.length;
    return end > place;
  });
}
