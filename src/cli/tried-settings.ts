import {
  InvalidArgumentError,
  type JsonValue,
  METHODS,
  methodText,
  type NamedMethod,
  parseMethodText,
} from "../index.js";
import { flagOf } from "./method-options.js";

/** More settings than anyone has tried in earnest: each asks every question once more. */
const MOST = 200;

/**
 * A method with every combination of the values to try, by the name it is written with: `vcd:alpha=0.5:beta=0.1`.
 *
 * @param text the method as written, such as `vcd` or `vti+vcd:noiseStep=700`
 * @param tries what is tried, such as `alpha=0.5,1,2`; a setting is named as behind a method, or as its flag
 * @throws InvalidArgumentError for unknown settings, missing and repeated values, and too many combinations
 */
export function triedSettings(text: string, tries: readonly string[]): Map<string, NamedMethod> {
  const method = parseMethodText(text);
  let combinations = [method];
  for (const { key, values } of tries.map(parsed)) {
    if (combinations.length * values.length > MOST) {
      throw new InvalidArgumentError(`try: received more than ${MOST} combinations; try fewer`);
    }
    combinations = combinations.flatMap((one) =>
      values.map((value) => withSetting(one, key, value)),
    );
  }
  return new Map(combinations.map((one) => [writtenMethod(one), one]));
}

function parsed(text: string): { key: string; values: (string | number)[] } {
  const [key = "", ...rest] = text.split("=");
  const values = rest
    .join("=")
    .split(",")
    .map((value) => value.trim());
  if (key === "" || values.includes("")) {
    throw new InvalidArgumentError(`try: received '${text}'; expected name=value,value,...`);
  }
  const repeated = values.find((value, i) => values.indexOf(value) < i);
  if (repeated !== undefined) {
    throw new InvalidArgumentError(`try: received ${key}=${repeated} twice; expected each once`);
  }
  return {
    key,
    values: values.map((value) => (Number.isNaN(Number(value)) ? value : Number(value))),
  };
}

/** A method with one more setting, in the method itself or in the one it carries. */
function withSetting(method: NamedMethod, key: string, value: JsonValue): NamedMethod {
  const found = placed(method, key, value);
  if (found !== null) return found;
  const known = settableOf(method).join(", ") || "no setting that can be tried";
  throw new InvalidArgumentError(`try: received ${key}; ${method.name} has ${known}`);
}

function placed(method: NamedMethod, key: string, value: JsonValue): NamedMethod | null {
  const { name: owner, settings } = method;
  const own = ownSettings(owner).find(({ name, flag }) => name === key || flag === key);
  if (own !== undefined && settings[own.name] !== undefined) {
    throw new InvalidArgumentError(
      `try: ${owner} has ${own.name}=${settings[own.name]} already; give it in one place`,
    );
  }
  if (own !== undefined) return { name: owner, settings: { ...settings, [own.name]: value } };
  for (const [name, inner] of Object.entries(settings)) {
    const found = isMethod(inner) ? placed(inner, key, value) : null;
    if (found !== null) return { name: owner, settings: { ...settings, [name]: { ...found } } };
  }
  return null;
}

/** Settings that are neither files nor methods. */
function ownSettings(method: string): { name: string; flag: string }[] {
  return Object.entries(METHODS[method]!.settings).flatMap(([name, setting]) =>
    setting.type === "asset" || setting.type === "method"
      ? []
      : [{ name, flag: flagOf(name, setting) }],
  );
}

function settableOf({ name, settings }: NamedMethod): string[] {
  const inner = Object.values(settings).filter(isMethod);
  return [...ownSettings(name).map((own) => own.name), ...inner.flatMap(settableOf)];
}

/** The method as it is written: `vti:image=0.4+vcd:alpha=2`. */
function writtenMethod({ name, settings }: NamedMethod): string {
  const own = Object.entries(settings).filter(([, value]) => !isMethod(value));
  const inner = Object.values(settings).filter(isMethod).map(writtenMethod);
  return [methodText({ name, settings: Object.fromEntries(own) }), ...inner].join("+");
}

function isMethod(value: JsonValue): value is JsonValue & NamedMethod {
  return typeof value === "object" && value !== null && "name" in value && "settings" in value;
}
