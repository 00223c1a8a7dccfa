import type { JsonValue, Method, Model } from "../../index.js";

/** A method as it takes part in a run. */
export interface RunMethod {
  readonly method: Method;
  /** The handle that answers, where it is not the run's own model: a steered one. */
  readonly model?: Model;
  /** Everything that decides its answers, kept with them. */
  readonly settings: Readonly<Record<string, JsonValue>>;
}

/** Methods on the run's own model, by their name within the run. */
export function plainMethods(methods: ReadonlyMap<string, Method>): Map<string, RunMethod> {
  return new Map(
    [...methods].map(([name, method]) => [name, { method, settings: method.settings }]),
  );
}
