import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { DatasetError } from "../../errors.js";
import { parseJson } from "../data/parse-rows.js";
import { writeFileAtomically } from "./atomic-file.js";
import type { RunSettings } from "./run-settings.js";
import { textOrNull } from "./text-or-null.js";

/** Where the files of a run's set lay. No setting: the same run may go on with files in another place. */
export interface SetSource {
  readonly name: string;
  readonly data: string;
  readonly truth: string | null;
  /** Folder of the images. */
  readonly images: string;
  /** Of a benchmark of one's own: the module that declares it. */
  readonly module?: ModuleFile;
}

/** A module, and what it held. */
export interface ModuleFile {
  /** In the run's folder relative to it: they may be moved together. */
  readonly path: string;
  readonly sha256: string;
}

/** File of a run's folder with the places of its sets' files. */
export const SOURCES_FILE = "sources.json";

const sources = z.array(
  z.object({
    name: z.string(),
    data: z.string(),
    truth: z.string().nullable(),
    images: z.string(),
    module: z.object({ path: z.string(), sha256: z.string() }).exactOptional(),
  }),
);

/** Only what a report reads; what else a newer version may have kept stays. */
const settings = z.looseObject({
  version: z.string(),
  model: z.union([
    z.looseObject({ id: z.string(), hash: z.string(), dtype: z.string() }),
    z.looseObject({ id: z.string(), endpoint: z.string() }),
  ]),
  promptSuffix: z.string(),
  temperature: z.number(),
  topP: z.number(),
  sets: z.array(
    z.looseObject({
      name: z.string(),
      benchmark: z.string(),
      rule: z.string(),
      data: z.string(),
      truth: z.string().nullable(),
      questions: z.number(),
      firstImages: z.number().exactOptional(),
      maxTokens: z.number(),
    }),
  ),
  series: z.array(
    z.looseObject({
      method: z.string(),
      seed: z.number().nullable(),
      draw: z.number().exactOptional(),
    }),
  ),
});

/** Keeps where the files of a run's sets lie. */
export async function writeSources(folder: string, all: readonly SetSource[]): Promise<void> {
  const absolute = all.map(({ name, data, truth, images, module }) => ({
    name,
    data: resolve(data),
    truth: truth === null ? null : resolve(truth),
    images: resolve(images),
    ...(module === undefined
      ? {}
      : { module: { ...module, path: relative(resolve(folder), resolve(module.path)) } }),
  }));
  await writeFileAtomically(join(folder, SOURCES_FILE), `${JSON.stringify(absolute, null, 2)}\n`);
}

/**
 * Where the files of a run's sets lay; null when the run does not say.
 *
 * @throws DatasetError when the file is damaged
 */
export async function readSources(folder: string): Promise<SetSource[] | null> {
  const path = join(folder, SOURCES_FILE);
  const text = await textOrNull(path);
  if (text === null) return null;
  const { data } = sources.safeParse(parseJson(text, path));
  if (data === undefined) {
    throw new DatasetError(`${path}: no list of sets with their files; remove it and name them`);
  }
  return data;
}

/** A module that declares a benchmark of a run. */
export interface RunModule extends ModuleFile {
  /** The benchmark's name. */
  readonly benchmark: string;
}

/**
 * The modules that a run's benchmarks were declared by. They are told and not opened: a folder that someone handed over
 * must not choose what code runs.
 *
 * @throws DatasetError when the folder holds no run, or a damaged one
 */
export async function runModules(folder: string): Promise<RunModule[]> {
  const { sets } = await readSettings(folder);
  const sources = (await readSources(folder)) ?? [];
  const modules = sets.flatMap(({ name, benchmark }) => {
    const module = sources.find((one) => one.name === name)?.module;
    return module === undefined ? [] : [[benchmark, module] as const];
  });
  return [...new Map(modules)].map(([benchmark, { path, sha256 }]) => ({
    benchmark,
    path: join(folder, path),
    sha256,
  }));
}

/**
 * The settings of the run in a folder.
 *
 * @throws DatasetError when there is none, or they are damaged
 */
export async function readSettings(folder: string): Promise<RunSettings> {
  const path = join(folder, "settings.json");
  const text = await textOrNull(path);
  if (text === null) {
    throw new DatasetError(`${folder}: no run; expected a folder that eval wrote (--out)`);
  }
  const found = parseJson(text, path);
  const { error } = settings.safeParse(found);
  if (error !== undefined) {
    const [issue] = error.issues;
    throw new DatasetError(
      `${path}: no settings of a run (${issue?.path.join(".")}: ${issue?.message}); restore it`,
    );
  }
  return found as RunSettings;
}
