import {
  checkSettings,
  InvalidArgumentError,
  type Model,
  type SettingsSchema,
  type TextModel,
} from "../../index.js";
import type { Explanation } from "../contract/explanation.js";
import { baseViews } from "./base-views.js";
import {
  type ExplainOptions,
  type ExplainRequest,
  firstImage,
  type OtherSight,
  questionText,
} from "./explain-request.js";
import { readStreams, SIGHTS } from "./read-streams.js";
import { shownImage } from "./shown-image.js";
import { tokenEvidence } from "./token-evidence.js";

const SETTINGS = {
  beta: { type: "number", min: 0, max: 1, default: 0.1, summary: "share that is plausible" },
  noiseStep: {
    type: "integer",
    min: 0,
    max: 999,
    default: 500,
    called: "noise step",
    summary: "diffusion step of the noise",
  },
  top: { type: "integer", min: 0, max: 100, default: 5, summary: "alternatives that are told" },
} as const satisfies SettingsSchema;

/**
 * Explains an answer, token by token: how sure the model was, how much the image under noise or left out changes it, and
 * whether a base LLM would have said the same. One forward pass over the answer for each of these that is asked for.
 *
 * @throws InvalidArgumentError for options that are unknown or out of range, and a base LLM with another tokenizer
 * @throws UnsupportedCapabilityError through a worker, and for models that do not tell all logits
 * @throws DatasetError, InferenceError, AbortedError as `Model.generate` and `Model.read`
 */
export async function explainAnswer(
  model: Model,
  request: ExplainRequest,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const { base = "self", embedImage = false, assess, views: seen, ...given } = options;
  const sights = sightsOf(seen, base);
  const { beta, noiseStep, top } = checkSettings("explainAnswer", SETTINGS, given);
  const { answer, maxTokens: _, ...question } = request;
  const { seed = 0, signal } = question;
  const said = answer ?? (await greedyAnswer(model, request));
  const image = firstImage(request);
  const { id, dtype } = model.info;
  const nothing: Explanation = {
    schemaVersion: 1,
    model: { id, dtype, hash: await model.hash() },
    base: baseOf(model, base),
    question: questionText(request),
    answer: "",
    generated: answer === undefined,
    seed,
    settings: { beta, noiseStep },
    image: image === undefined ? null : await shownImage(image, embedImage),
    tokens: [],
    phrases: [],
    warnings: ["the model ended its answer before the first token"],
  };
  if (answer === undefined && said.length === 0) return nothing;
  const streams = await readStreams(
    model,
    { ...question, answer: said },
    { beta, noiseStep, top, views: sights },
  );
  const { read, numbers, imageless } = streams;
  const isModel = base !== null && base !== "self";
  const { views, warnings } = isModel
    ? await baseViews(model, base, { prompt: imageless, answer: read.tokens }, { top, signal })
    : { views: base === null ? null : numbers.map(({ self }) => self), warnings: [] };
  const explanation: Explanation = {
    ...nothing,
    answer: read.text,
    tokens: await tokenEvidence(model, streams, views, isModel ? base : undefined),
    warnings,
  };
  if (assess === undefined) return explanation;
  const assessed = await assess({ model, request, explanation });
  return {
    ...explanation,
    phrases: assessed.phrases,
    warnings: [...explanation.warnings, ...assessed.warnings],
  };
}

/** @throws InvalidArgumentError for a view that there is not */
function sightsOf(
  views: readonly OtherSight[] = SIGHTS,
  base: ExplainOptions["base"],
): readonly OtherSight[] {
  const wrong = Array.isArray(views) ? views.find((view) => !SIGHTS.includes(view)) : views;
  if (wrong !== undefined) {
    throw new InvalidArgumentError(
      `views: received ${JSON.stringify(wrong)}; expected some of ${SIGHTS.join(", ")}, in a list`,
    );
  }
  return base === null ? views : [...views, "imageless"];
}

async function greedyAnswer(
  model: Model,
  { answer: _, ...question }: ExplainRequest,
): Promise<number[]> {
  const { tokens } = await model.generate({ ...question, temperature: 0 });
  return tokens.map(({ id }) => id);
}

function baseOf({ info }: Model, base: TextModel | "self" | null): Explanation["base"] {
  if (base === null) return null;
  return base === "self"
    ? { id: info.id, kind: "approximation" }
    : { id: base.id, kind: "base-llm" };
}
