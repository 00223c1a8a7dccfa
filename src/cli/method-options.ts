import type { Command } from "commander";
import {
  InvalidArgumentError,
  type JsonValue,
  METHODS,
  type Method,
  methodNamed,
} from "../index.js";
import { numberOption } from "./number-option.js";

/** Values of the options that set methods. */
export interface MethodFlags {
  readonly alpha?: number;
  readonly beta?: number;
  readonly noiseStep?: number;
}

/** Lists the methods, for help texts. */
export const METHOD_HELP: string = `
Methods (settings with their defaults):
${Object.entries(METHODS)
  .map(([name, { summary }]) => `  ${withSettings(methodNamed(name)).padEnd(44)} ${summary}`)
  .join("\n")}
A method's settings may also be written behind its name: --method vcd:alpha=2:noiseStep=700`;

/** Adds the options that set methods. */
export function addMethodOptions(command: Command): Command {
  return command
    .option("--alpha <x>", "strength of the contrast", numberOption)
    .option("--beta <x>", "plausibility: share of the best token's probability", numberOption)
    .option("--noise-step <t>", "diffusion step of the distorted image, 0 to 999", numberOption)
    .addHelpText("after", METHOD_HELP);
}

/**
 * Makes methods from their names as written on the command line, such as "vcd" or "vcd:alpha=2".
 * A flag goes to every method that has the setting.
 *
 * @throws InvalidArgumentError for unknown names and settings, and flags that no method has
 */
export function methodsFrom(names: readonly string[], flags: MethodFlags): Method[] {
  const given = Object.entries({
    alpha: flags.alpha,
    beta: flags.beta,
    noiseStep: flags.noiseStep,
  }).filter(([, value]) => value !== undefined) as [string, number][];
  const used = new Set<string>();
  const methods = names.map((text) => {
    const [name, ...written] = text.split(":") as [string, ...string[]];
    const { settings: known } = methodNamed(name);
    const settings: Record<string, JsonValue> = {};
    for (const [setting, value] of given) {
      if (!(setting in known)) continue;
      settings[setting] = value;
      used.add(setting);
    }
    return methodNamed(name, { ...settings, ...Object.fromEntries(written.map(parseSetting)) });
  });
  const unused = given.find(([setting]) => !used.has(setting));
  if (unused !== undefined) {
    throw new InvalidArgumentError(
      `${unused[0]}: no method of ${names.join(", ")} has this setting`,
    );
  }
  return methods;
}

/** A method's name with its settings, as written on the command line. */
export function withSettings({ name, settings }: Pick<Method, "name" | "settings">): string {
  const given = Object.entries(settings).filter(([, value]) => value !== null);
  return [name, ...given.map(([key, value]) => `${key}=${settingText(value)}`)].join(":");
}

/** A setting in a few characters: a method inside a method by its name, long texts cut. */
function settingText(value: JsonValue): string {
  if (typeof value === "object" && value !== null && "name" in value) return String(value.name);
  const text = String(value);
  return text.length > 24 ? `${text.slice(0, 21)}...` : text;
}

function parseSetting(text: string): [string, JsonValue] {
  const [key, value] = text.split("=", 2) as [string, string | undefined];
  if (value === undefined || value === "") {
    throw new InvalidArgumentError(`method setting: received '${text}'; expected name=value`);
  }
  if (value === "true" || value === "false") return [key, value === "true"];
  return [key, Number.isNaN(Number(value)) ? value : Number(value)];
}
