import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ModelLoadError } from "../errors.js";
import type { FamilyPlugin } from "../families/family.js";
import { SIZE, shapeFailure, TOKEN_IDS } from "../families/parse-config.js";
import { familyOf } from "../families/registry.js";
import { readProcessorConfig } from "./images/processor-config.js";
import { readJsonFile } from "./read-text-file.js";
import { isFolder, isRegularFile } from "./regular-file.js";

/** Precision of a checkpoint's graphs. */
export type Dtype =
  | "fp32"
  | "fp16"
  | "int8"
  | "uint8"
  | "q8"
  | "q4"
  | "q4f16"
  | "bnb4"
  | "q2"
  | "q2f16"
  | "q1"
  | "q1f16";

/** Endings of graph files by precision, as transformers.js names them. */
export const DTYPE_SUFFIXES: Readonly<Record<Dtype, string>> = {
  fp32: "",
  fp16: "_fp16",
  int8: "_int8",
  uint8: "_uint8",
  q8: "_quantized",
  q4: "_q4",
  q4f16: "_q4f16",
  bnb4: "_bnb4",
  q2: "_q2",
  q2f16: "_q2f16",
  q1: "_q1",
  q1f16: "_q1f16",
};

/** The graphs of a checkpoint. */
export const GRAPH_NAMES = ["embed_tokens", "vision_encoder", "decoder_model_merged"] as const;

/** Name of one of them. */
export type GraphName = (typeof GRAPH_NAMES)[number];

/** The precision of each. */
export type GraphDtypes = Readonly<Record<GraphName, Dtype>>;

/** The same precision for each graph, or what was chosen for each. */
export function dtypesOf(choice: Dtype | GraphDtypes): GraphDtypes {
  return typeof choice === "string" ? eachGraph(() => choice) : choice;
}

/** A precision for each graph. */
export function eachGraph(dtypeOf: (name: GraphName) => Dtype): GraphDtypes {
  return Object.fromEntries(GRAPH_NAMES.map((name) => [name, dtypeOf(name)])) as GraphDtypes;
}

/** What other exports call graphs that transformers.js names otherwise: Liquid AI's of LFM2-VL. */
const OTHER_NAMES: Readonly<Partial<Record<string, string>>> = {
  vision_encoder: "embed_images",
  decoder_model_merged: "decoder",
};

/**
 * Name of a graph's file, which may be one that another export gives it.
 *
 * @param isThere whether a file lies in the graphs' folder
 * @returns the name that transformers.js expects, unless only the other is there
 */
export function graphFileName(
  name: string,
  dtype: Dtype,
  isThere: (file: string) => boolean,
): string {
  const [usual, other] = [name, OTHER_NAMES[name] ?? name].map(
    (graph) => `${graph}${DTYPE_SUFFIXES[dtype]}.onnx`,
  ) as [string, string];
  return !isThere(usual) && isThere(other) ? other : usual;
}

/** What is read of a generation_config.json. */
export interface GenerationConfig {
  readonly eos_token_id?: number | number[] | null | undefined;
  readonly max_new_tokens?: number | null | undefined;
}

const MODEL_TYPE: z.ZodType<{ readonly model_type: string }> = z.looseObject({
  model_type: z.string(),
});
const GENERATION_CONFIG: z.ZodType<GenerationConfig> = z.looseObject({
  eos_token_id: TOKEN_IDS,
  max_new_tokens: SIZE.nullish(),
});

/** A checkpoint's folder on disk: its family, its JSON files, and the paths of its graphs. */
export interface CheckpointFolder {
  readonly path: string;
  readonly family: FamilyPlugin;
  /** The content of config.json, for the family to read. */
  readonly config: unknown;
  readonly generation: GenerationConfig;
  /** Path of a graph in the precision chosen for it. */
  graph(name: GraphName): string;
}

/**
 * The family of a checkpoint, from its config.json alone: nothing else of an unknown one can be judged.
 *
 * @throws ModelLoadError when config.json is missing or wrong, or no family takes it
 */
export function readFamily(path: string): { family: FamilyPlugin; config: unknown } {
  const config = readJson(path, "config.json", MODEL_TYPE);
  if (config === undefined) {
    throw new ModelLoadError(
      `${path} has no config.json; expected a checkpoint folder laid out for transformers.js`,
    );
  }
  return { family: familyOf(config.model_type), config };
}

/**
 * Reads a checkpoint folder in the layout of transformers.js.
 *
 * @throws ModelLoadError naming the file that is missing or wrong
 */
export function readCheckpointFolder(path: string, choice: Dtype | GraphDtypes): CheckpointFolder {
  const dtypes = dtypesOf(choice);
  const { family, config } = readFamily(path);
  const missing =
    ["tokenizer.json", "tokenizer_config.json"].find(
      (file) => readJsonFile(join(path, file)) === undefined,
    ) ?? (readProcessorConfig(path) === undefined ? "preprocessor_config.json" : undefined);
  if (missing !== undefined) {
    throw new ModelLoadError(`${path} has no ${missing}; the checkpoint is incomplete`);
  }
  return {
    path,
    family,
    config,
    generation: readJson(path, "generation_config.json", GENERATION_CONFIG) ?? {},
    graph(name) {
      const dtype = dtypes[name];
      const inFolder = (one: string) => join(path, "onnx", one);
      const file = inFolder(graphFileName(name, dtype, (one) => isRegularFile(inFolder(one))));
      if (isRegularFile(file)) return file;
      const others = availableDtypes(path).filter((other) => other !== dtype);
      const own = availableDtypes(path, [name]);
      const beside = graphFiles(path);
      const ofItsOwn = `this graph is there in ${own.join(", ")}: a precision can be given for each graph (--dtype ${name}=${own[0]})`;
      const remedy =
        others.length > 0
          ? `complete there: dtype ${others.join(", ")}${own.length > others.length ? `; ${ofItsOwn}` : ""}`
          : own.length > 0
            ? ofItsOwn
            : beside.length > 0
              ? `config.json has graphs beside it (${beside.join(", ")}), where transformers.js has them in the folder onnx: move them there, with the files of their weights`
              : "the checkpoint is incomplete";
      throw new ModelLoadError(`${file} is missing (dtype ${dtype}); ${remedy}`);
    },
  };
}

/** Names of the graphs in a folder, which need not be there. */
export function graphFiles(folder: string): string[] {
  return isFolder(folder) ? readdirSync(folder).filter((name) => name.endsWith(".onnx")) : [];
}

/** The precisions in which a folder has all of some graphs. */
export function availableDtypes(path: string, graphs: readonly GraphName[] = GRAPH_NAMES): Dtype[] {
  const files = new Set(graphFiles(join(path, "onnx")));
  return (Object.keys(DTYPE_SUFFIXES) as Dtype[]).filter((dtype) =>
    graphs.every((name) => files.has(graphFileName(name, dtype, (file) => files.has(file)))),
  );
}

function readJson<Schema extends z.ZodType>(
  folder: string,
  file: string,
  schema: Schema,
): z.infer<Schema> | undefined {
  const content = readJsonFile(join(folder, file));
  if (content === undefined) return undefined;
  const { success, data, error } = schema.safeParse(content);
  if (success) return data;
  throw shapeFailure(join(folder, file), error);
}
