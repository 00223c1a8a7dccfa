import type { JsonValue, Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { closest } from "../math/closest.js";
import { type ApcOptions, apc } from "./apc.js";
import { averaging } from "./averaging.js";
import type { DescriptionOptions } from "./describe-image.js";
import { described } from "./described.js";
import { regular } from "./regular.js";
import { type VcdOptions, vcd } from "./vcd.js";
import { type VdgdOptions, vdgd } from "./vdgd.js";

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
  vdgd: {
    summary:
      "visual description grounded decoding: tokens that a description of the image supports",
    create: (settings) => vdgd(withoutNull(settings) as VdgdOptions),
  },
  described: {
    summary: "a description of the image before the question (the control for vdgd)",
    create: (settings) => described(withoutNull(settings) as DescriptionOptions),
  },
  averaging: {
    summary: "image features averaged over lightly noised copies; may carry another method",
    create: ({ method, ...settings }) => averaging({ ...settings, ...innerMethod(method) }),
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

/** Settings are stored with null for what was not given; options leave it out. */
function withoutNull(
  settings: Readonly<Record<string, JsonValue>>,
): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
}

function isSettings(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A method inside the settings of another: its name, or { name, settings }. */
function innerMethod(value: JsonValue | undefined): { readonly method?: Method } {
  if (typeof value === "string") return { method: methodNamed(value) };
  if (!isSettings(value)) return {};
  const { name, settings } = value;
  return { method: methodNamed(String(name), isSettings(settings) ? settings : {}) };
}
