import { readdirSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { closest } from "../../arguments/closest.js";
import { type DecoderTraits, decoderTraits } from "../../onnx/decoder-traits.js";
import { fileDamage } from "../../onnx/file-damage.js";
import { findLayers } from "../../onnx/find-layers.js";
import { DataType, type OnnxModel, type OnnxTensor } from "../../onnx/graph-model.js";
import { readModel } from "../../onnx/read-model.js";
import { DTYPE_SUFFIXES, GRAPH_NAMES, graphFiles } from "../checkpoint-folder.js";
import { isRegularFile } from "../regular-file.js";
import { ownFile } from "../weights-file.js";
import { type Finding, fault, passed } from "./examination.js";
import { type BadWeight, badWeights } from "./scan-weights.js";

/** An input or output as a graph declares it. */
export interface GraphValue {
  readonly name: string;
  readonly elemType: number;
  readonly dims: ReadonlyArray<number | string | null>;
}

/** What is kept of a graph: nothing that holds its weights in memory. */
export interface GraphFacts {
  readonly path: string;
  /** Of the graph and the files of its weights. */
  readonly bytes: number;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly traits: DecoderTraits;
  /** The layers that can be steered, or why none can be found. */
  readonly layers: { readonly count: number; readonly width: number } | string;
  /** Rows of the table that a graph looks tokens up in. */
  readonly tableRows: number | undefined;
  readonly badWeights: readonly BadWeight[];
}

const FETCH = "fetch the file again, and compare its size with the repository's";

/** Looks at a graph's file and the files of its weights, without the runtime. */
export async function examineGraph(path: string): Promise<Finding<GraphFacts>> {
  const bytes = await readFile(path);
  let model: OnnxModel;
  try {
    model = readModel(bytes);
  } catch {
    const { kind, detail } = fileDamage(bytes);
    const remedy = kind === "pointer" ? "run 'git lfs pull' in the folder" : FETCH;
    return fault(`${path} cannot be read: ${detail} (${kind})`, remedy);
  }
  const { graph } = model;
  const weights = await externalBytes(path, graph.initializers);
  if (typeof weights !== "number") return weights;
  const stored = new Set(graph.initializers.map(({ name }) => name));
  const facts = {
    path,
    bytes: bytes.byteLength + weights,
    inputs: graph.inputs.filter(({ name }) => !stored.has(name)).map(declaredValue),
    outputs: graph.outputs.map(declaredValue),
    traits: decoderTraits(model),
    layers: layersOf(model),
    tableRows: tableRows(model),
    badWeights: await badWeights(graph.initializers, dirname(path)),
  };
  const named = weights === 0 ? "" : `, ${megabytes(weights)} of them in further files`;
  return passed(
    `${basename(path)}: ${graph.nodes.length} nodes, ${megabytes(facts.bytes)}${named}`,
    facts,
  );
}

/** A size as people read it. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
}

/** A graph is not there: another file's name may be near enough to be it. @param message what `load` says of it */
export function missingGraph(message: string, folder: string, graph: string): Finding<never> {
  const names = graphFiles(folder);
  if (names.length === 0 && graphFiles(dirname(folder)).length > 0) {
    return fault(message, `make the folder ${folder} and move the graphs there, under their names`);
  }
  const precisions = Object.values(DTYPE_SUFFIXES).map((suffix) => `${graph}${suffix}.onnx`);
  const isKnown = (name: string) =>
    precisions.includes(name) ||
    GRAPH_NAMES.some((known) => known !== graph && name.startsWith(known));
  const similar = closest(
    `${graph}.onnx`,
    names.filter((name) => !isKnown(name)),
  );
  const hint =
    similar === undefined
      ? `there are ${names.join(", ") || "no graphs"}`
      : `${similar} lies there`;
  return fault(
    `${message}; ${hint}`,
    similar === undefined
      ? "fetch the file, or choose a precision that is complete (--dtype)"
      : `if ${similar} is this graph, give it the name that is expected; else fetch the file, or choose another precision (--dtype)`,
  );
}

/** Bytes of the files that hold weights, or what is wrong with them. */
async function externalBytes(
  path: string,
  tensors: readonly OnnxTensor[],
): Promise<number | Finding<never>> {
  const ends = new Map<string, { end: number; tensor: string }>();
  for (const { external, name, dims, dataType } of tensors) {
    const location = external?.get("location");
    if (location === undefined) continue;
    const declared = Number(external!.get("length") ?? 0);
    const size = Math.max(
      declared,
      dims.reduce((product, dim) => product * dim, sizeOf(dataType)),
    );
    const end = Number(external!.get("offset") ?? 0) + size;
    if (end > (ends.get(location)?.end ?? -1)) ends.set(location, { end, tensor: name });
  }
  let bytes = 0;
  for (const [location, { end, tensor }] of ends) {
    const file = join(dirname(path), ownFile(location));
    if (!isRegularFile(file)) {
      const beside = readdirSync(dirname(path)).filter((name) => !name.endsWith(".onnx"));
      const there = beside.length === 0 ? "no other file" : beside.join(", ");
      return fault(
        `${file} is missing, in which ${basename(path)} has weights (external data); beside the graph lies ${there}`,
        `fetch ${location} too, and keep its name: the graph names it`,
      );
    }
    const { size } = await stat(file);
    if (size < end) {
      return fault(
        `${file} is too short (external data of ${basename(path)}): it has ${size} bytes, and the weight ${tensor} ends at ${end}`,
        FETCH,
      );
    }
    bytes += size;
  }
  return bytes;
}

const SIZES: Readonly<Record<number, number>> = {
  [DataType.float32]: 4,
  [DataType.float16]: 2,
  [DataType.bfloat16]: 2,
  [DataType.float64]: 8,
  [DataType.int64]: 8,
  [DataType.int32]: 4,
  [DataType.uint8]: 1,
  [DataType.int8]: 1,
  [DataType.bool]: 1,
};

/** Bytes of an element; 0 for types that are not known here, whose declared length must do. */
function sizeOf(dataType: number): number {
  return SIZES[dataType] ?? 0;
}

function declaredValue({
  name,
  elemType,
  dims = [],
}: OnnxModel["graph"]["inputs"][number]): GraphValue {
  return { name, elemType, dims: [...dims] };
}

function layersOf({ graph }: OnnxModel): GraphFacts["layers"] {
  try {
    const layers = findLayers(graph);
    return { count: layers.length, width: layers[0]!.width };
  } catch (error) {
    return (error as Error).message;
  }
}

/** Rows of the largest table that a Gather reads in a graph that looks tokens up; others look up places, for example. */
function tableRows({ graph }: OnnxModel): number | undefined {
  if (!graph.inputs.some(({ name }) => name === "input_ids")) return undefined;
  const tables = new Map(graph.initializers.map(({ name, dims }) => [name, dims]));
  const rows = graph.nodes.flatMap(({ opType, inputs }) => {
    const dims = /^Gather(BlockQuantized)?$/.test(opType) ? tables.get(inputs[0] ?? "") : undefined;
    return dims?.length === 2 ? [dims[0]!] : [];
  });
  return rows.length === 0 ? undefined : Math.max(...rows);
}
