import type { SettingsSchema } from "../arguments/settings.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { METHODS, methodEntry, methodNamed } from "./registry.js";

/** A method as JSON names it. */
export interface NamedMethod {
  readonly name: string;
  readonly settings: Readonly<Record<string, JsonValue>>;
}

/**
 * Reads a method as people write it: its name, settings behind colons, and behind a plus the method that it carries.
 *
 *     "vcd"   "vcd:alpha=2:noiseStep=700"   "vti:image=0.4+vcd:alpha=2"
 *
 * @throws InvalidArgumentError for unknown names, settings without a value, and a method in one that carries none
 */
export function parseMethodText(text: string): NamedMethod {
  const [first = "", ...others] = splitMethods(text);
  const [name = "", ...written] = first.split(":");
  const { settings: schema } = methodEntry(name);
  const settings: Record<string, JsonValue> = Object.fromEntries(
    written.map((text) => parseSetting(text, schema)),
  );
  if (others.length === 0) return { name, settings };
  const inner = Object.entries(schema).find(([, { type }]) => type === "method");
  if (inner === undefined) {
    throw new InvalidArgumentError(
      `method: received '${text}'; ${name} carries no other method: write it behind one that does, such as averaging+${others.join("+")}`,
    );
  }
  const { name: innerName, settings: innerSettings } = parseMethodText(others.join("+"));
  return {
    name,
    settings: { ...settings, [inner[0]]: { name: innerName, settings: innerSettings } },
  };
}

/**
 * The method that a text names (see {@link parseMethodText}).
 *
 * @param assets large values that settings name by hash
 * @throws InvalidArgumentError for unknown names and settings
 */
export function methodFromText(
  text: string,
  assets: Readonly<Record<string, unknown>> = {},
): Method {
  const { name, settings } = parseMethodText(text);
  return methodNamed(name, settings, assets);
}

/** A method's name with its settings, as written: null for what was not given is left out. */
export function methodText({ name, settings }: NamedMethod): string {
  const given = Object.entries(settings).filter(([, value]) => value !== null);
  return [name, ...given.map(([key, value]) => `${key}=${settingText(value)}`)].join(":");
}

/** A setting in a few characters: a method inside a method by its name, long texts cut. */
function settingText(value: JsonValue): string {
  if (typeof value === "object" && value !== null && "name" in value) return String(value.name);
  const text = String(value);
  return text.length > 24 ? `${text.slice(0, 21)}...` : text;
}

/** Splits at each plus that a method's name follows; others belong to a setting's text. */
function splitMethods(text: string): string[] {
  const parts: string[] = [];
  for (const part of text.split("+")) {
    const [name = ""] = part.split(":");
    if (parts.length > 0 && !Object.hasOwn(METHODS, name) && parts.at(-1)!.includes("=")) {
      parts.push(`${parts.pop()}+${part}`);
    } else parts.push(part);
  }
  return parts;
}

function parseSetting(text: string, schema: SettingsSchema): [string, JsonValue] {
  const [key = "", ...rest] = text.split("=");
  const value = rest.join("=");
  if (value === "") {
    throw new InvalidArgumentError(`method setting: received '${text}'; expected name=value`);
  }
  const isText = Object.hasOwn(schema, key) && schema[key]?.type === "text";
  if (isText) return [key, value];
  if (value === "true" || value === "false") return [key, value === "true"];
  return [key, Number.isNaN(Number(value)) ? value : Number(value)];
}
