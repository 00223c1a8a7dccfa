import { closest } from "../arguments/closest.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { APC } from "./apc.js";
import { AVERAGING } from "./averaging.js";
import { DECO } from "./deco.js";
import { DESCRIBED } from "./described.js";
import { DOLA } from "./dola.js";
import { FLB } from "./flb.js";
import { HEADS } from "./heads.js";
import { ICD } from "./icd.js";
import { M3ID } from "./m3id.js";
import type { MethodEntry } from "./method-entry.js";
import { NULLU } from "./nullu.js";
import { PAI } from "./pai.js";
import { REGULAR } from "./regular.js";
import { RITUAL } from "./ritual.js";
import { SELFVAL } from "./selfval.js";
import { VAF } from "./vaf.js";
import { VCD } from "./vcd.js";
import { VDD } from "./vdd.js";
import { VDGD } from "./vdgd.js";
import { VERIFY } from "./verify.js";
import { VISTA } from "./vista.js";
import { VTI } from "./vti.js";

/** Every method: the one place to register a new one. */
const ENTRIES = [
  REGULAR,
  APC,
  VCD,
  VDGD,
  DESCRIBED,
  AVERAGING,
  VTI,
  ICD,
  VDD,
  M3ID,
  RITUAL,
  FLB,
  PAI,
  HEADS,
  VAF,
  DECO,
  DOLA,
  VISTA,
  NULLU,
  VERIFY,
  SELFVAL,
];

/** Every method, by name. */
export const METHODS: Readonly<Record<string, MethodEntry>> = Object.fromEntries(
  ENTRIES.map((entry) => [entry.name, entry]),
);

/**
 * Makes a method from its name and settings, as stored with results.
 *
 * @param assets large values that settings name by hash, such as steering directions (see `Method.assets`)
 * @throws InvalidArgumentError for an unknown name or setting, and for assets that are not there
 */
export function methodNamed(
  name: string,
  settings: Readonly<Record<string, JsonValue>> = {},
  assets: Readonly<Record<string, unknown>> = {},
): Method {
  const { settings: schema, create } = methodEntry(name);
  const options = Object.entries(settings).flatMap(([key, value]): [string, unknown][] => {
    if (value === null) return [];
    const type = Object.hasOwn(schema, key) ? schema[key]?.type : undefined;
    if (type === "method") return [[key, innerMethod(value, assets)]];
    if (type === "asset") return [[key, asset(`${name}: ${key}`, value, assets)]];
    return [[key, value]];
  });
  return create(Object.fromEntries(options));
}

/**
 * The registered method of a name.
 *
 * @throws InvalidArgumentError for an unknown name, with a suggestion
 */
export function methodEntry(name: string): MethodEntry {
  const entry = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (entry !== undefined) return entry;
  const suggestion = closest(name, Object.keys(METHODS));
  const hint = suggestion === undefined ? "" : ` Did you mean '${suggestion}'?`;
  throw new InvalidArgumentError(
    `method: received '${name}'; expected one of ${Object.keys(METHODS).join(", ")}.${hint}`,
  );
}

/** A method inside the settings of another: its name, or { name, settings }. */
function innerMethod(value: JsonValue, assets: Readonly<Record<string, unknown>>): Method {
  if (!isSettings(value)) return methodNamed(String(value), {}, assets);
  const { name, settings } = value;
  return methodNamed(String(name), isSettings(settings) ? settings : {}, assets);
}

function asset(what: string, value: JsonValue, assets: Readonly<Record<string, unknown>>): unknown {
  const hash = String(value);
  if (Object.hasOwn(assets, hash)) return assets[hash];
  throw new InvalidArgumentError(
    `${what}: the value with hash ${hash.slice(0, 12)} is not at hand; give the file that holds it`,
  );
}

function isSettings(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
