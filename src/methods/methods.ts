import type { JsonValue, Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { closest } from "../math/closest.js";
import { type ApcOptions, apc } from "./apc.js";
import { regular } from "./regular.js";
import { type VcdOptions, vcd } from "./vcd.js";

/** A method for people and programs that choose by name. */
export interface MethodEntry {
  /** One line of what it does. */
  readonly summary: string;
  /** Makes the method from settings as in `Method.settings`; missing ones take their default. */
  readonly create: (settings: Readonly<Record<string, JsonValue>>) => Method;
}

/** Every method, by name: the one place to register a new one. */
export const METHODS: Readonly<Record<string, MethodEntry>> = {
  regular: { summary: "the model's own logits", create: () => regular() },
  apc: {
    summary: "implausible tokens cut (the control for contrastive methods)",
    create: (settings) => apc(settings as ApcOptions),
  },
  vcd: {
    summary: "visual contrastive decoding against a noisy image",
    create: (settings) => vcd(settings as VcdOptions),
  },
};

/**
 * Makes a method from its name and settings, as stored with results.
 *
 * @throws InvalidArgumentError for an unknown name or setting
 */
export function methodNamed(
  name: string,
  settings: Readonly<Record<string, JsonValue>> = {},
): Method {
  const entry = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (entry !== undefined) return entry.create(settings);
  const suggestion = closest(name, Object.keys(METHODS));
  const hint = suggestion === undefined ? "" : ` Did you mean '${suggestion}'?`;
  throw new InvalidArgumentError(
    `method: received '${name}'; expected one of ${Object.keys(METHODS).join(", ")}.${hint}`,
  );
}
