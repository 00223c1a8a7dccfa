import type { ContentPart, ImageSource, Model, ReadRequest, TextModel } from "../../index.js";
import type { Explanation, PhraseEvidence } from "../contract/explanation.js";

/** A question, and the answer to it that is to be explained. */
export interface ExplainRequest extends Omit<ReadRequest, "answer"> {
  /** Its text, or the ids of its tokens. Default: what the model answers, greedily. */
  readonly answer?: ReadRequest["answer"];
  /** Most tokens of an answer that is generated here. */
  readonly maxTokens?: number;
}

/** What phrases are assessed from. */
export interface AssessedAnswer {
  readonly model: Model;
  readonly request: ExplainRequest;
  /** The explanation but for its phrases. */
  readonly explanation: Explanation;
}

/** What is told of an answer's phrases. */
export interface AssessedPhrases {
  readonly phrases: readonly PhraseEvidence[];
  /** What could not be told, and why. */
  readonly warnings: readonly string[];
}

/** How a question may be seen otherwise than as it is. */
export type OtherSight = "distorted" | "imageless";

/** Options of {@link explainAnswer}. */
export interface ExplainOptions {
  /**
   * What tokens are held against: the base LLM that the model was tuned from (`loadTextModel`), "self" for the model
   * without its image, an approximation, or null for nothing. Default "self".
   */
  readonly base?: TextModel | "self" | null;
  /** Share of the best token's probability that counts as plausible, 0 to 1. Default 0.1. */
  readonly beta?: number;
  /** Diffusion step of VCD's noise, 0 to 999. Default 500. */
  readonly noiseStep?: number;
  /**
   * Ways of seeing the question that are read besides itself, a pass over the answer for each: the image under noise
   * ("distorted"), and none ("imageless"), which is read in any case where `base` is to be told. Default both.
   */
  readonly views?: readonly OtherSight[];
  /** How many of the likeliest tokens are told at each place, 0 to 100. Default 5. */
  readonly top?: number;
  /** Whether the first image is put into the explanation, for a page to show. Default false. */
  readonly embedImage?: boolean;
  /** Finds the phrases of the answer and says which of them to trust. Default: none are told. */
  readonly assess?: (answer: AssessedAnswer) => Promise<AssessedPhrases>;
}

/** The text of the question: of the last user turn in a conversation. */
export function questionText({ prompt, turns }: ExplainRequest): string {
  const last = turns?.findLast(({ role }) => role === "user");
  return prompt ?? (last === undefined ? "" : partsOf(last.content).map(textOf).join(""));
}

/** The first image of a request. */
export function firstImage(request: Pick<ReadRequest, "image" | "turns">): ImageSource | undefined {
  return imagesOf(request)[0];
}

/** The images of a request, in order. */
export function imagesOf({
  image,
  turns,
}: Pick<ReadRequest, "image" | "turns">): readonly ImageSource[] {
  if (image !== undefined) return [image];
  const parts = turns?.flatMap(({ content }) => partsOf(content)) ?? [];
  return parts.flatMap((part) => (part.type === "image" ? [part.image] : []));
}

/** A request with another image in place of its first one. */
export function withFirstImage<R extends Pick<ReadRequest, "image" | "turns">>(
  request: R,
  image: ImageSource,
): R {
  const { turns } = request;
  if (turns === undefined) return { ...request, image };
  let isThere = false;
  const changed = (part: ContentPart): ContentPart => {
    if (isThere || part.type !== "image") return part;
    isThere = true;
    return { type: "image", image };
  };
  return {
    ...request,
    turns: turns.map(({ role, content }) => ({
      role,
      content: typeof content === "string" ? content : content.map(changed),
    })),
  };
}

function partsOf(content: string | readonly ContentPart[]): readonly ContentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function textOf(part: ContentPart): string {
  return part.type === "text" ? part.text : "";
}
