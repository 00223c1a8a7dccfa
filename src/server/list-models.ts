import type { ServedModel } from "./inference.js";
import { askedModel } from "./model-name.js";

/** A model as OpenAI tells it. */
interface ListedModel {
  /** The name of a served model, or that and a method behind a colon. */
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: "groundsight";
  readonly groundsight: object;
}

/**
 * Served models by each name that requests may give them: their own, which answers by the usual method, and that with each
 * of the methods.
 *
 * @param created seconds since 1970
 */
export function modelList(models: readonly ServedModel[], created: number): object {
  const data = models.flatMap((model) => [
    listed(model, undefined, created),
    ...model.methods.map((method) => listed(model, method, created)),
  ]);
  return { object: "list", data };
}

/** @throws ApiError for a name that requests may not give */
export function listedModel(name: string, models: readonly ServedModel[], created: number): object {
  const { model, method } = askedModel(name, models);
  return listed(model, method, created);
}

function listed(model: ServedModel, method: string | undefined, created: number): ListedModel {
  const { id, family, dtype, adapter, device = "cpu", contextLength } = model;
  return {
    id: method === undefined ? id : `${id}:${method}`,
    object: "model",
    created,
    owned_by: "groundsight",
    groundsight: {
      model: id,
      method: method ?? null,
      family,
      dtype,
      adapter,
      device,
      contextLength,
    },
  };
}
