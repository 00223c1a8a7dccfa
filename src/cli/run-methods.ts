import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  InvalidArgumentError,
  type JsonValue,
  type Method,
  type Model,
  type SteeringDirections,
  type SteeringStrengths,
} from "../index.js";
import { type MethodFlags, methodsFrom } from "./method-options.js";
import { strengthsFrom } from "./model-options.js";
import { readDirections } from "./steer-inspect-command.js";

/** Values of the options that methods and their steering depend on. */
export interface SteeredMethodFlags extends MethodFlags {
  readonly steer?: string;
  readonly steerImage?: number;
  readonly steerText?: number;
}

/** Values of the options that a run's methods depend on. */
export interface RunMethodFlags extends SteeredMethodFlags {
  readonly methods: string;
  readonly without: string;
}

/** A method as it takes part in a run. */
export interface RunMethod {
  readonly method: Method;
  /** The handle that answers, where it is not the stock model: a steered one. */
  readonly model?: Model;
  /** Everything that decides its answers, kept with them. */
  readonly settings: Readonly<Record<string, JsonValue>>;
}

/** A method of a run before the model is loaded. */
export interface NamedMethod {
  /** As written on the command line. */
  readonly name: string;
  readonly method: Method;
  /** Null on the stock model. */
  readonly strengths: Required<SteeringStrengths> | null;
  readonly settings: Readonly<Record<string, JsonValue>>;
}

const ALWAYS = ["regular", "apc"];

/**
 * The methods of a run: baseline and control first unless left out by name, then those asked for. `vti`
 * is the steered model with its plain logits, `vti:image=0.4:text=0` sets its strengths, and `vti+vcd`
 * is another method on the steered model.
 *
 * @throws InvalidArgumentError for unknown names, and for vti without directions
 */
export async function namedMethods(
  flags: RunMethodFlags,
): Promise<{ named: NamedMethod[]; directions: SteeringDirections | null }> {
  const without = listOf(flags.without);
  const unknown = without.find((name) => !ALWAYS.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`without: received ${unknown}; expected regular, apc`);
  }
  const names = [...new Set([...ALWAYS, ...listOf(flags.methods)])].filter(
    (name) => !without.includes(name),
  );
  return methodsOf(names, flags);
}

/**
 * Methods by their names, `vti` and `vti+method` among them, on the stock or the steered model.
 *
 * @throws InvalidArgumentError for unknown names, and for vti without directions
 */
export async function methodsOf(
  names: readonly string[],
  flags: SteeredMethodFlags,
): Promise<{ named: NamedMethod[]; directions: SteeringDirections | null }> {
  const { steer } = flags;
  const isSteered = names.some((name) => /^vti\b/.test(name));
  if (!isSteered && [steer, flags.steerImage, flags.steerText].some((flag) => flag !== undefined)) {
    throw new InvalidArgumentError(
      `--steer, --steer-image and --steer-text: no method of ${names.join(", ")} is steered; add vti`,
    );
  }
  const directions = steer === undefined ? null : await readDirections(steer);
  const hash = steer === undefined ? null : await sha256(steer);
  const parts = names.map((name) => splitSteering(name, flags, directions));
  const methods = methodsFrom(
    parts.map(({ rest }) => rest),
    flags,
  );
  const named = parts.flatMap(({ name, strengths }, index): NamedMethod[] => {
    const method = methods[index];
    if (method === undefined) return [];
    const { settings } = method;
    if (strengths === null) return [{ name, method, strengths, settings }];
    const own = { directions: hash, ...strengths, method: { name: method.name, settings } };
    return [{ name, method, strengths, settings: own }];
  });
  return { named, directions };
}

/** The methods with the handles that answer for them. Steered handles belong to the caller. */
export async function withModels(
  named: readonly NamedMethod[],
  model: Model,
  directions: SteeringDirections | null,
): Promise<Map<string, RunMethod>> {
  const handles = new Map<string, Model>();
  const methods = new Map<string, RunMethod>();
  for (const { name, method, strengths, settings } of named) {
    if (strengths === null || directions === null) {
      methods.set(name, { method, settings });
      continue;
    }
    const key = JSON.stringify(strengths);
    const handle = handles.get(key) ?? (await model.steer(directions, strengths));
    handles.set(key, handle);
    methods.set(name, { method, model: handle, settings });
  }
  return methods;
}

/**
 * The methods as evaluation takes them, and a model on which each is answered by its own handle. The requests
 * of a batch have one method.
 */
export function onOneModel(
  methods: ReadonlyMap<string, RunMethod>,
  stock: Model,
): { methods: Map<string, Method>; model: Model } {
  const handles = new Map<Method, Model>();
  const values = new Map<string, Method>();
  for (const [name, { method, model = stock, settings }] of methods) {
    // A value of its own, since one method may stand both on the stock and on a steered model.
    const value = { ...method, settings };
    values.set(name, value);
    handles.set(value, model);
  }
  const generateBatch: Model["generateBatch"] = (requests, options) => {
    const method = requests[0]?.method;
    const handle = method === undefined ? undefined : handles.get(method);
    return (handle ?? stock).generateBatch(requests, options);
  };
  const model = new Proxy(stock, {
    get: (target, key) => {
      if (key === "generateBatch") return generateBatch;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { methods: values, model };
}

function splitSteering(
  name: string,
  flags: SteeredMethodFlags,
  directions: SteeringDirections | null,
): { name: string; rest: string; strengths: Required<SteeringStrengths> | null } {
  const [first = "", ...others] = name.split("+");
  const [head, ...written] = first.split(":");
  if (head !== "vti") return { name, rest: name, strengths: null };
  if (others.length > 1) {
    throw new InvalidArgumentError(`method: received ${name}; expected vti or vti+method`);
  }
  if (directions === null) {
    throw new InvalidArgumentError(
      "vti needs --steer <file>; make one with 'groundsight steer fit'",
    );
  }
  const strengths = { ...strengthsFrom(flags, directions) };
  for (const setting of written) {
    const [key, value] = setting.split("=");
    if ((key !== "image" && key !== "text") || !Number.isFinite(Number(value))) {
      throw new InvalidArgumentError(`vti: received ${setting}; expected image=x or text=x`);
    }
    strengths[key] = Number(value);
  }
  return { name, rest: others[0] ?? "regular", strengths };
}

/** Names separated by commas. */
export function listOf(names: string): string[] {
  return names.split(",").flatMap((name) => name.trim() || []);
}

async function sha256(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new InvalidArgumentError(`steer: ${path} cannot be read`, { cause });
  });
  return createHash("sha256").update(bytes).digest("hex");
}
