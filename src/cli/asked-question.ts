import { existsSync } from "node:fs";
import { Argument } from "commander";
import { type GenerateRequest, InvalidArgumentError } from "../index.js";

/** What `ask` and `compare` are given behind their options. */
export interface AskedQuestion {
  /** Paths and URLs, in order; there may be none. */
  readonly images: readonly string[];
  readonly question: string;
}

/** How a command that takes a question is written; commander's own form has no list before a last argument. */
export const QUESTION_USAGE = "[options] [images...] <question>";

/** The images and the question, which commander reads as one list. */
export function questionArgument(): Argument {
  return new Argument(
    "<question...>",
    "what to ask, last; before it any number of images, as paths, URLs or data URLs: PNG, JPEG, WebP, GIF, TIFF, AVIF",
  );
}

/**
 * Tells the question, which comes last, from the images before it.
 *
 * @param args at least one
 * @throws InvalidArgumentError when the last one is an image, so that the question is missing
 */
export function askedQuestion(args: readonly string[]): AskedQuestion {
  const images = args.slice(0, -1);
  const question = args.at(-1)!;
  if (!isImage(question)) return { images, question };
  throw new InvalidArgumentError(
    `question: missing; the last argument is the image ${question}. Expected what to ask behind it, in quotes, such as "What is it?"`,
  );
}

/** The images in front of the question, in the form of a request; one alone in the short form, which keeps its part of the prompt. */
export function questionFields({
  images,
  question,
}: AskedQuestion): Pick<GenerateRequest, "image" | "prompt" | "turns"> {
  const [image] = images;
  if (image === undefined) return { prompt: question };
  if (images.length === 1) return { image, prompt: question };
  const shown = images.map((image) => ({ type: "image", image }) as const);
  return { turns: [{ role: "user", content: [...shown, { type: "text", text: question }] }] };
}

/** What the JSON of a command tells of them: `image` where there is one alone. */
export function questionJson({ images, question }: AskedQuestion): {
  image: string | null;
  images: readonly string[];
  question: string;
} {
  return { image: images.length === 1 ? images[0]! : null, images, question };
}

/** Whether a text is an image by its form, and no sentence that ends with the name of one. */
function isImage(text: string): boolean {
  const isNamed = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i.test(text);
  return (
    /^((https?|file):\/\/|data:)\S+$/i.test(text) ||
    (isNamed && (!/\s/.test(text) || existsSync(text)))
  );
}
