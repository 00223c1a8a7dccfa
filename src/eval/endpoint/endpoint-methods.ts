import { InvalidArgumentError } from "../../errors.js";
import type { JsonValue } from "../../index.js";

/** A method as endpoints are asked for it: its name, and its settings where they are known. */
export interface AskableMethod {
  readonly name: string;
  readonly settings?: Readonly<Record<string, JsonValue>>;
}

/** What {@link AskableMethod} may be, for messages and help. */
export const ENDPOINT_METHODS = "regular and verify:mode=drop";

/**
 * Refuses methods that need what no endpoint gives.
 *
 * @param methods by their names within the run
 * @throws InvalidArgumentError naming the method, the reason, and what can be done
 */
export function requireAskable(methods: Iterable<readonly [string, AskableMethod]>): void {
  for (const [shown, method] of methods) {
    const reason = obstacleOf(method);
    if (reason === null) continue;
    throw new InvalidArgumentError(
      `${shown}: ${reason}; an endpoint can be asked with ${ENDPOINT_METHODS}. A server of Groundsight decodes by it where it stands behind the model's name, such as openai:pocket:${shown}@http://127.0.0.1:8000/v1`,
    );
  }
}

function obstacleOf({ name, settings }: AskableMethod): string | null {
  if (name === "regular") return null;
  if (name !== "verify") return "it needs the model's logits, which no endpoint gives";
  if (settings === undefined) return null;
  const { mode, method = null } = settings;
  if (mode !== "drop") {
    return `mode ${String(mode)} goes on in the midst of an answer, or samples anew, which is not done over an endpoint`;
  }
  const carried =
    typeof method === "object" && method !== null
      ? (method as { name?: unknown })
      : { name: method ?? "regular" };
  return carried.name === "regular"
    ? null
    : `it carries ${String(carried.name)}, which needs the model's logits`;
}
