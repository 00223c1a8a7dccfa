import {
  directionsId,
  InvalidArgumentError,
  type JsonValue,
  METHODS,
  type Method,
  type Model,
  methodEntry,
  methodNamed,
  type NamedMethod,
  parseMethodText,
  type SteeringDirections,
} from "../index.js";
import type { ChatOptions, ChatSteering } from "./chat-job.js";

/** Steering files by their name. */
export type SteeringFiles = ReadonlyMap<string, SteeringDirections>;

/** The steering files that were fitted on a model. Its hash is computed only where there are any. */
export async function fittingFiles(
  model: Pick<Model, "hash">,
  steering: SteeringFiles,
): Promise<SteeringFiles> {
  if (steering.size === 0) return steering;
  const hash = await model.hash();
  return new Map([...steering].filter(([, { modelHash }]) => modelHash === hash));
}

/**
 * The method that a request asks for. Methods that need a steering file take the one that is named, or the only one that
 * fits them.
 *
 * @param byDefault as in {@link ChatOptions.method}
 * @throws InvalidArgumentError for unknown names, settings and steering files
 */
export function chatMethod(
  { method, settings = {}, steer }: ChatOptions,
  files: SteeringFiles,
  byDefault = "regular",
): Method {
  const { name = undefined, ...strengths }: ChatSteering =
    typeof steer === "string" ? { name: steer } : (steer ?? {});
  const asked = parseMethodText(method ?? byDefault);
  if (method !== undefined) requireOneVoice(asked.settings, settings);
  const named = { ...asked, settings: { ...asked.settings, ...settings } };
  const isSteered = (one: NamedMethod): boolean =>
    hasAsset(one) || carriedBy(one).some(([, inner]) => isSteered(inner));
  const steered =
    steer === undefined || isSteered(named)
      ? named
      : { name: "vti", settings: { method: { ...named } } };
  const assets: Record<string, SteeringDirections> = {};
  const fileFor = (of: string): string => {
    const directions = steeringFile(of, files, name);
    const id = directionsId(directions);
    assets[id] = directions;
    return id;
  };
  const filled = withFiles(steered, fileFor, strengths);
  try {
    return methodNamed(filled.name, filled.settings, assets);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(`settings: ${error.message}`, { cause: error });
  }
}

/** @throws InvalidArgumentError for a setting that has one value behind the method's name and another beside it */
function requireOneVoice(
  behind: Readonly<Record<string, JsonValue>>,
  beside: Readonly<Record<string, JsonValue>>,
): void {
  for (const [name, value] of Object.entries(beside)) {
    if (!Object.hasOwn(behind, name) || JSON.stringify(behind[name]) === JSON.stringify(value))
      continue;
    throw new InvalidArgumentError(
      `settings: received ${name} ${JSON.stringify(value)}, and ${JSON.stringify(behind[name])} behind the method's name; say it in one place`,
    );
  }
}

/** Names of the methods that can be asked for where these files are: those that need none, and those that one fits. */
export function offeredMethods(files: SteeringFiles): string[] {
  return Object.keys(METHODS).filter(
    (name) =>
      !hasAsset({ name, settings: {} }) ||
      [...files.values()].some((directions) => isFileFor(name, directions)),
  );
}

/** A method with its files by hash, and so what it carries. */
function withFiles(
  one: NamedMethod,
  fileFor: (method: string) => string,
  strengths: Omit<ChatSteering, "name">,
): NamedMethod {
  const settings: Record<string, JsonValue> = { ...one.settings };
  for (const [key, { type }] of Object.entries(methodEntry(one.name).settings)) {
    if (type === "asset") settings[key] = fileFor(one.name);
  }
  if (one.name === "vti") {
    for (const [part, strength] of Object.entries(strengths)) settings[part] ??= strength ?? null;
  }
  for (const [key, inner] of carriedBy(one)) {
    settings[key] = { ...withFiles(inner, fileFor, strengths) };
  }
  return { name: one.name, settings };
}

/** The methods in a method's settings. */
function carriedBy({ name, settings }: NamedMethod): [string, NamedMethod][] {
  const { settings: schema } = methodEntry(name);
  return Object.entries(settings).flatMap(([key, value]): [string, NamedMethod][] => {
    if (!Object.hasOwn(schema, key) || schema[key]?.type !== "method" || value === null) return [];
    if (typeof value === "string") return [[key, { name: value, settings: {} }]];
    const { name: inner, settings: own } = value as unknown as Partial<NamedMethod>;
    if (typeof inner === "string" && typeof (own ?? {}) === "object") {
      return [[key, { name: inner, settings: own ?? {} }]];
    }
    throw new InvalidArgumentError(
      `settings: ${name}: ${key}: received ${JSON.stringify(value)}; expected a method's name, or { "name", "settings" }`,
    );
  });
}

function hasAsset({ name }: NamedMethod): boolean {
  return Object.values(methodEntry(name).settings).some(({ type }) => type === "asset");
}

function isFileFor(method: string, { subspace }: SteeringDirections): boolean {
  return (subspace !== undefined) === (method === "nullu");
}

/** @throws InvalidArgumentError where there is none, or it is not told which */
function steeringFile(
  method: string,
  files: SteeringFiles,
  name: string | undefined,
): SteeringDirections {
  const fitting = [...files].filter(([, directions]) => isFileFor(method, directions));
  const names = fitting.map(([own]) => own);
  const found = name === undefined ? fitting : fitting.filter(([own]) => own === name);
  if (found.length === 1) return found[0]![1];
  const received = name === undefined ? "no name of a steering file" : `'${name}'`;
  throw new InvalidArgumentError(
    names.length === 0
      ? `steer: received ${received}; there is no file for ${method} here: load one that 'groundsight steer ${method === "nullu" ? "subspace" : "fit"}' made`
      : `steer: received ${received}; expected one of ${names.join(", ")} for ${method}`,
  );
}
