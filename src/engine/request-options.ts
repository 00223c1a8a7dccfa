import { InvalidArgumentError } from "../errors.js";
import { closest } from "../math/closest.js";
import type { Method } from "./method.js";
import type { GenerateRequest, ImageSource } from "./request.js";
import type { SamplerSettings } from "./sampler.js";

/** A request whose values were checked and whose defaults were filled in. */
export interface RequestOptions {
  readonly prompt: string;
  readonly image: ImageSource | undefined;
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
  checkNames(request);
  const { prompt, image, method = defaults.method, stop = [], signal } = request;
  if (typeof prompt !== "string" || prompt.trim() === "") {
    throw new InvalidArgumentError(
      `prompt: received ${typeof prompt === "string" ? "an empty text" : typeof prompt}; expected a question or instruction`,
    );
  }
  if (typeof method?.start !== "function") {
    throw new InvalidArgumentError(
      `method: received ${JSON.stringify(method)}; expected a method, for example vcd({ alpha: 1 })`,
    );
  }
  if (image === undefined && method.needs.includes("image")) {
    throw new InvalidArgumentError(`method ${method.name} needs an image; received none`);
  }
  const hasStops =
    Array.isArray(stop) && stop.every((text) => typeof text === "string" && text !== "");
  if (!hasStops)
    throw new InvalidArgumentError("stop: expected a list of texts that are not empty");
  return {
    prompt,
    image,
    method,
    stop,
    signal,
    maxTokens: integer("maxTokens", request.maxTokens ?? defaults.maxTokens, 1),
    sampler: {
      temperature: number("temperature", request.temperature ?? 0, 0, 100),
      topK: request.topK === undefined ? undefined : integer("topK", request.topK, 1),
      topP: number("topP", request.topP ?? 1, Number.MIN_VALUE, 1),
    },
    repetitionPenalty: number(
      "repetitionPenalty",
      request.repetitionPenalty ?? 1,
      Number.MIN_VALUE,
      10,
    ),
    seed: integer("seed", request.seed ?? 0, 0),
    topLogprobs: integer("topLogprobs", request.topLogprobs ?? 0, 0, 100),
  };
}

function checkNames(request: GenerateRequest): void {
  for (const name of Object.keys(request)) {
    if ((OPTION_NAMES as readonly string[]).includes(name)) continue;
    const suggestion = closest(name, OPTION_NAMES);
    const hint =
      suggestion === undefined
        ? `known are ${OPTION_NAMES.join(", ")}`
        : `did you mean ${suggestion}?`;
    throw new InvalidArgumentError(`unknown option '${name}'; ${hint}`);
  }
}

function number(name: string, value: number, min: number, max: number): number {
  if (typeof value === "number" && value >= min && value <= max) return value;
  const least = min === Number.MIN_VALUE ? "above 0" : `of at least ${min}`;
  throw new InvalidArgumentError(
    `${name}: received ${value}; expected a number ${least} and at most ${max}`,
  );
}

function integer(
  name: string,
  value: number,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const most = max === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${max}`;
  throw new InvalidArgumentError(
    `${name}: received ${value}; expected an integer of at least ${min}${most}`,
  );
}
