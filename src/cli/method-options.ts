import { type Command, Help, Option } from "commander";
import {
  directionsId,
  InvalidArgumentError,
  type JsonValue,
  METHODS,
  type Method,
  type MethodEntry,
  methodEntry,
  methodNamed,
  methodText,
  type NamedMethod,
  parseMethodText,
  type Setting,
} from "../index.js";
import { readDirections } from "./directions-file.js";
import { numberOption } from "./options.js";

/** Values of the options that set methods, by the name that commander gives them. */
export type MethodFlags = Readonly<Record<string, unknown>>;

/** A setting with its flag; several methods may share one. */
interface SettingFlag {
  readonly name: string;
  readonly flag: string;
  readonly setting: Setting;
}

/** Every flag that sets methods, from the settings that methods declare. */
const FLAGS: readonly SettingFlag[] = settingFlags();

/** Lists the methods, for help texts. */
export const METHOD_HELP: string = `
Methods, with their settings' defaults:
${Object.values(METHODS).map(methodHelp).join("\n")}

A method's settings may also be written behind its name, and behind a plus the method that it carries:
--method vcd:alpha=2:noiseStep=700, --method vti:image=0.4+vcd`;

/** Adds the options that set methods. */
export function addMethodOptions(command: Command): Command {
  command.optionsGroup("Settings of methods (a flag goes to every listed method that has it):");
  for (const each of FLAGS) {
    command.addOption(settingOption(each.flag, each.setting, flagHelp(each)));
  }
  return command.addHelpText("after", METHOD_HELP);
}

/** An option that sets a setting. */
export function settingOption(flag: string, setting: Setting, help: string): Option {
  const value = setting.type === "asset" ? "<file>" : `<${PLACEHOLDERS[setting.type]}>`;
  const option = new Option(`--${flag} ${value}`, help);
  if (setting.type === "number" || setting.type === "integer") option.argParser(numberOption);
  if (setting.type === "choice") option.choices(setting.choices);
  return option;
}

/**
 * Makes methods from their names as written on the command line, such as "vcd", "vcd:alpha=2" or "vti+vcd", or as JSON
 * names them. A flag goes to every method that has the setting.
 *
 * @throws InvalidArgumentError for unknown names and settings, and flags that no method has
 */
export async function methodsFrom(
  named: readonly (string | NamedMethod)[],
  flags: MethodFlags,
): Promise<Method[]> {
  const { given, assets } = await givenSettings(flags);
  const used = new Set<SettingFlag>();
  const methods = named.map((one) => {
    const written = typeof one === "string" ? parseMethodText(one) : one;
    const { name, settings } = withGiven(written, given, used);
    return methodNamed(name, settings, assets);
  });
  const unused = [...given.keys()].find((flag) => !used.has(flag));
  if (unused !== undefined) {
    const names = named.map((one) => (typeof one === "string" ? one : one.name));
    throw new InvalidArgumentError(
      `${unused.name}: no method of ${names.join(", ")} has this setting (--${unused.flag}), or each that has it names a value of its own`,
    );
  }
  return methods;
}

/** Whether directions are given, on which vti can run any method. */
export function hasDirections(flags: MethodFlags): boolean {
  return hasFiles("vti", flags);
}

/** Whether the files that a method needs are given, which only flags can name. */
export function hasFiles(name: string, flags: MethodFlags): boolean {
  return Object.entries(METHODS[name]?.settings ?? {}).every(
    ([key, setting]) => setting.type !== "asset" || camelCase(flagOf(key, setting)) in flags,
  );
}

/** Whether a method needs a file that only a flag can name. */
export function needsFile(name: string): boolean {
  return Object.values(METHODS[name]?.settings ?? {}).some(({ type }) => type === "asset");
}

const PLACEHOLDERS = { number: "x", integer: "n", text: "text", choice: "name", method: "name" };

function settingFlags(): SettingFlag[] {
  const flags = new Map<string, SettingFlag>();
  for (const { settings } of Object.values(METHODS)) {
    for (const [name, setting] of Object.entries(settings)) {
      if (setting.type === "method") continue;
      const flag = flagOf(name, setting);
      const known = flags.get(flag);
      flags.set(flag, known === undefined ? { name, flag, setting } : joined(known, setting));
    }
  }
  return [...flags.values()];
}

/** A flag of several methods takes what any of them does; each checks what it is given. */
function joined(known: SettingFlag, { summary, ...other }: Setting): SettingFlag {
  const { setting } = known;
  if (setting.type !== "choice" || other.type !== "choice") return known;
  const choices = [...new Set([...setting.choices, ...other.choices])];
  return { ...known, setting: { ...setting, choices } };
}

/** The settings that flags give; files among them are read and named by their hash. */
async function givenSettings(
  flags: MethodFlags,
): Promise<{ given: Map<SettingFlag, JsonValue>; assets: Record<string, unknown> }> {
  const given = new Map<SettingFlag, JsonValue>();
  const assets: Record<string, unknown> = {};
  for (const flag of FLAGS) {
    const value = flags[camelCase(flag.flag)];
    if (value === undefined) continue;
    if (flag.setting.type !== "asset") given.set(flag, value as JsonValue);
    else {
      const directions = await readDirections(String(value));
      const id = directionsId(directions);
      assets[id] = directions;
      given.set(flag, id);
    }
  }
  return { given, assets };
}

/** A method, and what it carries, with the settings that flags give where none are written. */
function withGiven(
  { name, settings }: NamedMethod,
  given: ReadonlyMap<SettingFlag, JsonValue>,
  used: Set<SettingFlag>,
): NamedMethod {
  const { settings: schema } = methodEntry(name);
  const complete: Record<string, JsonValue> = { ...settings };
  for (const [flag, value] of given) {
    const own = schema[flag.name];
    if (own === undefined || flagOf(flag.name, own) !== flag.flag) continue;
    complete[flag.name] ??= value;
    if (complete[flag.name] === value) used.add(flag);
  }
  for (const [key, value] of Object.entries(complete)) {
    if (schema[key]?.type !== "method") continue;
    const inner = typeof value === "string" ? { name: value, settings: {} } : value;
    complete[key] = { ...withGiven(inner as unknown as NamedMethod, given, used) };
  }
  return { name, settings: complete };
}

/** A method in help texts: as it may be written, and what it does. */
function methodHelp({ name, summary, settings }: MethodEntry): string {
  // Texts are left out: they are long, and stand with their flags.
  const short = Object.entries(settings).filter(([, { type }]) => type !== "text");
  const defaults = Object.fromEntries(short.map(([key, one]) => [key, one.default]));
  return `  ${methodText({ name, settings: defaults })}\n${wrapped(summary, "      ")}`;
}

/** What a flag sets, in which methods, and to what where it is not given. */
function flagHelp({ name, flag, setting }: SettingFlag): string {
  const owners = Object.values(METHODS).filter(
    ({ settings }) => settings[name] !== undefined && flagOf(name, settings[name]) === flag,
  );
  const names = owners.map((owner) => owner.name).join(", ");
  const byDefault = new Map<string, string[]>();
  for (const owner of owners) {
    const value = owner.settings[name]!.default;
    if (value === null) continue;
    const shown = / /.test(`${value}`) ? `"${value}"` : `${value}`;
    byDefault.set(shown, [...(byDefault.get(shown) ?? []), owner.name]);
  }
  if (byDefault.size === 0) return `${setting.summary} (${names})`;
  const defaults = [...byDefault].map(([value, of]) => `${value} for ${of.join(", ")}`);
  const text = byDefault.size === 1 ? [...byDefault.keys()][0] : defaults.join("; ");
  return `${setting.summary} (${names}; default: ${text})`;
}

/** A text in lines of at most 80 characters, each behind an indent. */
export function wrapped(text: string, indent: string): string {
  return new Help().boxWrap(text, 80 - indent.length).replace(/^/gm, indent);
}

/** The flag of a setting, without its hyphens. */
export function flagOf(name: string, { flag = kebabCase(name) }: Setting): string {
  return flag;
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The name that commander gives the value of a flag. */
export function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
