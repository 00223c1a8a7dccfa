/**
 * Settings declared once: from a schema come defaults, checks with their messages, flags of the command line, their help
 * and the JSON that names a method in results.
 */
import { InvalidArgumentError } from "../errors.js";
import { checkNames } from "./check-names.js";
import { integerIn, numberIn, oneOf } from "./numbers.js";

interface Described {
  /** What it does, in a few words for help texts. */
  readonly summary: string;
  /** Its flag on the command line where that is not its name in kebab case. */
  readonly flag?: string;
  /** Its name in messages where that is not its own. */
  readonly called?: string;
}

/** A number in [min, max]. */
export interface NumberSetting extends Described {
  readonly type: "number" | "integer";
  readonly min: number;
  readonly max?: number;
  /** Null where it follows from others. */
  readonly default: number | null;
}

/** A text that is not empty. */
export interface TextSetting extends Described {
  readonly type: "text";
  readonly default: string | null;
}

/** One of some words. */
export interface ChoiceSetting extends Described {
  readonly type: "choice";
  readonly choices: readonly string[];
  readonly default: string | null;
}

/** Another method; in JSON its name, or { name, settings }. */
export interface MethodSetting extends Described {
  readonly type: "method";
  readonly default: null;
}

/** A large value that JSON names by its hash. */
export interface AssetSetting extends Described {
  readonly type: "asset";
  readonly default: null;
}

/** One setting. */
export type Setting = NumberSetting | TextSetting | ChoiceSetting | MethodSetting | AssetSetting;

/** Settings by name. */
export type SettingsSchema = Readonly<Record<string, Setting>>;

type Raw<S extends Setting> = S extends NumberSetting
  ? number
  : S extends ChoiceSetting
    ? S["choices"][number]
    : S extends TextSetting
      ? string
      : never;

/** The checked values of a schema's plain settings, defaults filled in. */
export type SettingsOf<Schema extends SettingsSchema> = {
  readonly [Name in keyof Schema as Schema[Name] extends MethodSetting | AssetSetting
    ? never
    : Name]: Schema[Name]["default"] extends null ? Raw<Schema[Name]> | null : Raw<Schema[Name]>;
};

/**
 * Checks options against a schema and fills in defaults. Null counts as not given, as stored settings have it.
 * Methods and assets are left to their owner.
 *
 * @param owner what the settings belong to, for messages
 * @throws InvalidArgumentError naming the option, what was received and what is expected
 */
export function checkSettings<const Schema extends SettingsSchema>(
  owner: string,
  schema: Schema,
  given: object,
): SettingsOf<Schema> {
  checkNames(given, Object.keys(schema), `${owner} has no option`);
  const entries = Object.entries(schema).flatMap(([name, setting]) => {
    if (setting.type === "method" || setting.type === "asset") return [];
    const value = (given as Record<string, unknown>)[name] ?? setting.default;
    return [[name, value === null ? null : checkSetting(name, setting, value)] as const];
  });
  return Object.fromEntries(entries) as SettingsOf<Schema>;
}

function checkSetting(
  name: string,
  setting: NumberSetting | TextSetting | ChoiceSetting,
  value: unknown,
): number | string {
  const { called = name } = setting;
  switch (setting.type) {
    case "number":
      return ofBearableSize(called, numberIn(called, value, setting.min, setting.max));
    case "integer":
      return integerIn(called, value, setting.min, setting.max);
    case "choice":
      return oneOf(called, value, setting.choices);
    case "text":
      if (typeof value === "string" && value.trim() !== "") return value;
      throw new InvalidArgumentError(
        `${called}: received ${typeof value === "string" ? "an empty text" : typeof value}; expected some words`,
      );
  }
}

/** Beyond it products with logits and scores of attention would leave float32. */
const MOST = 1e9;

function ofBearableSize(name: string, value: number): number {
  if (Math.abs(value) <= MOST) return value;
  throw new InvalidArgumentError(
    `${name}: received ${value}; expected ${MOST} at most, as scores in float32 bear no more`,
  );
}
