import { checkNames } from "../arguments/check-names.js";
import { integerIn, numberIn, shown } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import { checkMethod } from "./check-method.js";
import type { ContentPart, ImageSource, Turn } from "./conversation.js";
import { ORIGINAL_IMAGE } from "./image-variant.js";
import type { Method } from "./method.js";
import type { GenerateRequest } from "./request.js";
import type { SamplerSettings } from "./sampler.js";
import type { View, ViewPart } from "./view.js";

/** A request whose values were checked and whose defaults were filled in. */
export interface RequestOptions {
  /** The conversation, its images as they are. */
  readonly view: View;
  /** The images that the view numbers. */
  readonly images: readonly ImageSource[];
  /** Whether the conversation may go on: what was computed for it is kept for a next turn. */
  readonly mayGoOn: boolean;
  readonly method: Method;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly sampler: SamplerSettings;
  readonly repetitionPenalty: number;
  readonly seed: number;
  readonly topLogprobs: number;
  readonly signal: AbortSignal | undefined;
}

const OPTION_NAMES = [
  "prompt",
  "image",
  "turns",
  "method",
  "maxTokens",
  "stop",
  "temperature",
  "topK",
  "topP",
  "repetitionPenalty",
  "seed",
  "topLogprobs",
  "signal",
] as const satisfies readonly (keyof GenerateRequest)[];

/** What a request gets where it says nothing. */
export interface RequestDefaults {
  readonly method: Method;
  readonly maxTokens: number;
}

/**
 * Checks a request and fills in defaults.
 *
 * @throws InvalidArgumentError naming the option, what was received and what is expected
 */
export function requestOptions(
  request: GenerateRequest,
  defaults: RequestDefaults,
): RequestOptions {
  if (typeof request !== "object" || request === null) {
    throw new InvalidArgumentError(
      `request: received ${shown(request)}; expected an object, for example { prompt, image }`,
    );
  }
  checkNames(request, OPTION_NAMES, "unknown option");
  const { method = defaults.method, stop = [], signal } = request;
  const { view, images } = viewOf(request);
  checkMethod(method);
  if (images.length === 0 && method.needs.image === true) {
    throw new InvalidArgumentError(`method ${method.name} needs an image; received none`);
  }
  const hasStops =
    Array.isArray(stop) &&
    Array.from(stop).every((text) => typeof text === "string" && text !== "");
  if (!hasStops)
    throw new InvalidArgumentError(
      `stop: received ${shown(stop)}; expected a list of texts that are not empty`,
    );
  checkSignal(signal);
  return {
    view,
    images,
    mayGoOn: request.turns !== undefined,
    method,
    stop,
    signal,
    maxTokens: integerIn("maxTokens", request.maxTokens ?? defaults.maxTokens, 1),
    sampler: {
      temperature: numberIn("temperature", request.temperature ?? 0, 0, 100),
      topK: request.topK === undefined ? undefined : integerIn("topK", request.topK, 1),
      topP: numberIn("topP", request.topP ?? 1, Number.MIN_VALUE, 1),
    },
    repetitionPenalty: numberIn(
      "repetitionPenalty",
      request.repetitionPenalty ?? 1,
      Number.MIN_VALUE,
      10,
    ),
    seed: integerIn("seed", request.seed ?? 0, 0),
    topLogprobs: integerIn("topLogprobs", request.topLogprobs ?? 0, 0, 100),
  };
}

/** @throws InvalidArgumentError when a request's signal is none */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new InvalidArgumentError(`signal: received ${shown(signal)}; expected an AbortSignal`);
}

/** The conversation of either form of a request, its images numbered. */
function viewOf(request: GenerateRequest): { view: View; images: ImageSource[] } {
  const images: ImageSource[] = [];
  const imagePart = (image: ImageSource): ViewPart => {
    if (image === null || image === undefined) {
      throw new InvalidArgumentError(
        `image: received ${image}; expected a path, URL, bytes, Blob or pixels; leave it out for a text-only prompt`,
      );
    }
    return { type: "image", image: images.push(image) - 1, variant: ORIGINAL_IMAGE };
  };
  if (request.turns === undefined) {
    const { prompt, image } = request;
    const text = { type: "text", text: checkPrompt("prompt", prompt) } as const;
    const parts = image === undefined ? [text] : [imagePart(image), text];
    return { view: [{ role: "user", parts }], images };
  }
  if (request.prompt !== undefined || request.image !== undefined) {
    throw new InvalidArgumentError(
      "turns: received a prompt or image beside them; expected one of the two forms",
    );
  }
  const view = checkTurns(request.turns).map(({ role, content }, i) => ({
    role,
    parts: partsOf(content, `turn ${i}`).map((part) =>
      part.type === "image" ? imagePart(part.image) : part,
    ),
  }));
  return { view, images };
}

const ROLES = ["system", "user", "assistant"];

function checkTurns(turns: readonly Turn[]): readonly Turn[] {
  if (!Array.isArray(turns) || turns.length === 0) {
    throw new InvalidArgumentError(`turns: received ${shown(turns)}; expected at least one turn`);
  }
  for (const [i, turn] of turns.entries()) {
    if (!ROLES.includes(turn?.role)) {
      throw new InvalidArgumentError(
        `turn ${i}: received role ${shown(turn?.role)}; expected one of ${ROLES.join(", ")}`,
      );
    }
    checkNames(turn, ["role", "content"], `turn ${i} has no field`);
  }
  const last = turns.at(-1)!;
  if (last.role !== "user") {
    throw new InvalidArgumentError(
      `turns: the last one is the ${last.role}'s; expected a user's, which the model answers`,
    );
  }
  return turns;
}

function partsOf(content: Turn["content"], where: string): ContentPart[] {
  if (typeof content === "string") return [{ type: "text", text: checkPrompt(where, content) }];
  if (!Array.isArray(content) || content.length === 0) {
    throw new InvalidArgumentError(
      `${where}: received content ${shown(content)}; expected a text, or a list of text and image parts`,
    );
  }
  for (const part of content) {
    if (part?.type === "text") checkPrompt(where, part.text);
    else if (part?.type !== "image") {
      throw new InvalidArgumentError(
        `${where}: received a part of type ${shown(part?.type)}; expected text or image`,
      );
    }
  }
  return [...content];
}

function checkPrompt(name: string, text: unknown): string {
  if (typeof text === "string" && text.trim() !== "") return text;
  throw new InvalidArgumentError(
    `${name}: received ${typeof text === "string" ? "an empty text" : typeof text}; expected a question or instruction`,
  );
}
