import { type NamedMethod, parseMethodText } from "../core.js";
import { ApiError, badRequest } from "./api-error.js";
import type { ServedModel } from "./inference.js";

/** A served model, and the method that its name in a request asks for. */
export interface AskedModel {
  readonly model: ServedModel;
  readonly method?: string;
}

/**
 * Reads a model's name in a request: `pocket`, or with a method behind a colon, `pocket:vcd`, `pocket:vti+vcd:alpha=2`.
 *
 * @throws ApiError for a name that is not served, or a method that there is not
 */
export function askedModel(name: string, models: readonly ServedModel[]): AskedModel {
  const [model] = models
    .filter(({ id }) => name === id || name.startsWith(`${id}:`))
    .sort((a, b) => b.id.length - a.id.length);
  if (model === undefined) {
    const ids = models.map(({ id }) => id).join(", ");
    throw new ApiError(
      `model: received '${name.slice(0, 100)}'; expected one of ${ids}, with or without a method behind a colon`,
      { status: 404, param: "model", code: "model_not_found" },
    );
  }
  if (name === model.id) return { model };
  const method = name.slice(model.id.length + 1);
  checkedMethod("model", method);
  return { model, method };
}

/** @throws ApiError naming the field where there is no such method */
export function checkedMethod(param: string, text: string): NamedMethod {
  try {
    return parseMethodText(text);
  } catch (cause) {
    throw badRequest(param, (cause as Error).message.replace(/^method: /, ""));
  }
}
