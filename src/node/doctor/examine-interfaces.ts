import { basename } from "node:path";
import type { TensorData } from "../../engine/tensor-data.js";
import type { ModelFamily, ProcessedImage } from "../../families/family.js";
import { DataType } from "../../onnx/graph-model.js";
import { type Finding, fault, passed } from "./examination.js";
import { graphInput } from "./examine-image.js";
import type { GraphFacts, GraphValue } from "./graph-facts.js";

/** What the graphs of a checkpoint are held against. */
export interface Expected {
  readonly family: ModelFamily;
  /** An image as the checkpoint's processor makes it. */
  readonly image: ProcessedImage;
}

/** A checkpoint's graphs. */
export interface Graphs {
  readonly embed: GraphFacts;
  readonly vision: GraphFacts;
  readonly decoder: GraphFacts;
}

const TYPES = new Map(Object.entries(DataType).map(([name, value]) => [value as number, name]));
const FLOATS: readonly number[] = [DataType.float32, DataType.float16];
const SAME = "take all graphs from one repository, and of one export";
const EXPORT = "export the checkpoint again, laid out for transformers.js";

/** Compares names, types and shapes of the graphs' inputs and outputs with each other and with what the family feeds. */
export function examineInterfaces(graphs: Graphs, expected: Expected): Finding<true> {
  const { embed, vision, decoder } = graphs;
  const found =
    swappedCache(decoder) ??
    declared(embed, "inputs", "input_ids", [DataType.int64]) ??
    declared(decoder, "inputs", "inputs_embeds", FLOATS) ??
    declared(decoder, "inputs", "attention_mask", [DataType.int64]) ??
    declared(decoder, "outputs", "logits", FLOATS) ??
    visionInputs(vision, expected) ??
    widths(graphs, expected) ??
    tokenInputs(graphs) ??
    cachePairs(decoder) ??
    layers(decoder, expected) ??
    vocabularies(graphs, expected);
  if (found !== undefined) return found;
  const sides = [embed, vision, decoder].map(
    ({ inputs, outputs }) => `${inputs.length} -> ${outputs.length}`,
  );
  return passed(`names, types and shapes agree (inputs -> outputs: ${sides.join(", ")})`);
}

function swappedCache({ path, inputs, outputs }: GraphFacts): Finding<never> | undefined {
  const input = inputs.find(({ name }) => /^present/.test(name));
  const output = outputs.find(({ name }) => /^past/.test(name));
  if (input === undefined && output === undefined) return undefined;
  const told = [
    ...(input === undefined ? [] : [`an input ${input.name}`]),
    ...(output === undefined ? [] : [`an output ${output.name}`]),
  ];
  return fault(
    `${basename(path)} has ${told.join(" and ")}: the names of past and present are swapped; expected past_* among the inputs and present* among the outputs`,
    EXPORT,
  );
}

function declared(
  { path, ...graph }: GraphFacts,
  side: "inputs" | "outputs",
  name: string,
  types: readonly number[],
): Finding<never> | undefined {
  const value = graph[side].find((one) => one.name === name);
  if (value === undefined) {
    const names = graph[side].slice(0, 6).map((one) => one.name);
    return fault(
      `${basename(path)} has no ${side.slice(0, -1)} ${name}; its ${side} are ${names.join(", ")}`,
      `it may be another graph under this name: ${EXPORT}, or fetch the file again`,
    );
  }
  if (types.includes(value.elemType)) return undefined;
  return fault(
    `${basename(path)}: ${name} is ${typeName(value.elemType)}; expected ${types.map(typeName).join(" or ")}`,
    EXPORT,
  );
}

function visionInputs(vision: GraphFacts, { image }: Expected): Finding<never> | undefined {
  const { pixelsInput, inputs } = image;
  const fed: [string, TensorData<Float32Array | BigInt64Array | Uint8Array>, readonly number[]][] =
    [
      [pixelsInput, graphInput(image), FLOATS],
      ...Object.entries(inputs).map(
        ([name, tensor]): [string, typeof tensor, readonly number[]] => [
          name,
          tensor,
          tensor.data instanceof BigInt64Array
            ? [DataType.int64]
            : [DataType.bool, DataType.uint8, DataType.int64],
        ],
      ),
    ];
  for (const [name, { dims }, types] of fed) {
    const wrong = declared(vision, "inputs", name, types);
    if (wrong !== undefined) return wrong;
    const { dims: wanted } = vision.inputs.find((one) => one.name === name)!;
    const fits = wanted.length === dims.length && wanted.every((dim, i) => agrees(dim, dims[i]!));
    if (fits || wanted.length === 0) continue;
    return fault(
      `${basename(vision.path)} takes ${name} of shape ${shape(wanted)}; the image processor makes ${shape(dims)}`,
      "preprocessor_config.json (its size and crop) is of another checkpoint, or the graph is: take both from one repository",
    );
  }
  const names = new Set(fed.map(([name]) => name));
  const unfed = vision.inputs.find(({ name }) => !names.has(name));
  if (unfed === undefined) return undefined;
  return fault(
    `${basename(vision.path)} has an input ${unfed.name}, which the family feeds nothing; it feeds ${[...names].join(", ")}`,
    "model_type in config.json may be another family's; else the export is not known here",
  );
}

/** The width of the residual stream, as each graph and the configuration tell it. */
function widths({ embed, vision, decoder }: Graphs, { family }: Expected) {
  const told: [string, number | undefined][] = [
    [`${basename(embed.path)} gives rows of`, lastOf(embed.outputs, "inputs_embeds")],
    [`${basename(vision.path)} gives features of`, lastOf(vision.outputs, "image_features")],
    [`${basename(decoder.path)} takes rows of`, lastOf(decoder.inputs, "inputs_embeds")],
    ["config.json tells hidden_size", family.facts.hiddenSize],
  ];
  const known = told.filter(([, width]) => width !== undefined);
  if (new Set(known.map(([, width]) => width)).size < 2) return undefined;
  return fault(
    `the width of a token's row differs: ${known.map(([what, width]) => `${what} ${width}`).join(", ")}`,
    SAME,
  );
}

/** Inputs that every decoder may have; others are fed what the token embedding gives by their name. */
const USUAL_INPUT = /^(inputs_embeds|attention_mask|position_ids|num_logits_to_keep|past\w*\..+)$/;

function tokenInputs({ embed, decoder }: Graphs): Finding<never> | undefined {
  for (const { name, dims } of decoder.inputs.filter((one) => !USUAL_INPUT.test(one.name))) {
    const given = embed.outputs.find((one) => one.name === name);
    if (given === undefined) {
      return fault(
        `${basename(decoder.path)} has an input ${name}, which nothing gives; ${basename(embed.path)} gives ${embed.outputs.map((one) => one.name).join(", ")}`,
        SAME,
      );
    }
    const fits =
      dims.length === given.dims.length &&
      dims.every((dim, i) => {
        const other = given.dims[i]!;
        return typeof other !== "number" || agrees(dim, other);
      });
    if (fits) continue;
    return fault(
      `${basename(decoder.path)} takes ${name} of shape ${shape(dims)}; ${basename(embed.path)} gives ${shape(given.dims)}`,
      SAME,
    );
  }
  return undefined;
}

function cachePairs({ path, inputs, outputs }: GraphFacts): Finding<never> | undefined {
  const past = inputs.filter(({ name }) => /^past/.test(name));
  if (past.length === 0) {
    return fault(
      `${basename(path)} has no past_key_values among its inputs, so it cannot go on from a cache`,
      "export the decoder with a key/value cache (decoder_model_merged)",
    );
  }
  for (const { name, elemType, dims } of past) {
    const behind = /^past(?:_key_values)?(.*)$/.exec(name)![1]!;
    const present = outputs.find((one) =>
      [`present${behind}`, `present_key_values${behind}`].includes(one.name),
    );
    if (present === undefined) {
      return fault(
        `${basename(path)} has an input ${name}, but no output present${behind} to go on with`,
        EXPORT,
      );
    }
    if (present.elemType !== elemType) {
      return fault(
        `${basename(path)}: ${name} is ${typeName(elemType)}, ${present.name} ${typeName(present.elemType)}; expected one type`,
        EXPORT,
      );
    }
    const isState = !name.startsWith("past_key_values.");
    if (isState && !sameShape(dims, present.dims)) {
      return fault(
        `${basename(path)}: ${name} has shape ${shape(dims)}, ${present.name} ${shape(present.dims)}; expected one size, whatever the number of tokens`,
        EXPORT,
      );
    }
  }
  return undefined;
}

function layers({ path, inputs }: GraphFacts, { family }: Expected): Finding<never> | undefined {
  const { layers: told, cachedLayers: cached } = family.facts;
  const numbers = inputs.flatMap(({ name }) => /^past\w*\.(\d+)/.exec(name)?.[1] ?? []);
  const last = Math.max(...numbers.map(Number));
  if (told === undefined || last === Number.NEGATIVE_INFINITY) return undefined;
  // Layers that share the cache of others have none of their own: where their number is not told, fewer may be.
  if (cached === undefined ? last < told : last === cached - 1) return undefined;
  const own = cached === undefined || cached === told ? "" : `, ${cached} of them with a cache`;
  return fault(
    `the last layer with a cache in ${basename(path)} is ${last}, counted from 0; config.json tells ${told} layers${own}`,
    SAME,
  );
}

function vocabularies({ embed, decoder }: Graphs, { family }: Expected) {
  const { vocabularySize } = family.facts;
  const logits = lastOf(decoder.outputs, "logits");
  const { tableRows } = embed;
  if (logits !== undefined && vocabularySize !== undefined && logits < vocabularySize) {
    return fault(
      `${basename(decoder.path)} gives logits of ${logits} tokens; config.json tells a vocabulary of ${vocabularySize}`,
      SAME,
    );
  }
  // Either may be padded, but then it is to be as long as config.json tells or as the other.
  const isOther = tableRows !== vocabularySize && vocabularySize !== undefined;
  if (
    tableRows !== undefined &&
    logits !== undefined &&
    (tableRows < logits || (tableRows > logits && isOther))
  ) {
    return fault(
      `${basename(embed.path)} knows ${tableRows} tokens, ${basename(decoder.path)} gives logits of ${logits}`,
      SAME,
    );
  }
  return undefined;
}

/** The last dimension of a value, or of the only one where none has the name. */
function lastOf(values: readonly GraphValue[], name: string): number | undefined {
  const value = values.find((one) => one.name === name) ?? values[0];
  const last = value?.dims.at(-1);
  return typeof last === "number" ? last : undefined;
}

function agrees(wanted: number | string | null, given: number): boolean {
  return typeof wanted !== "number" || wanted === given;
}

function sameShape(one: GraphValue["dims"], other: GraphValue["dims"]): boolean {
  return (
    one.length === other.length &&
    one.every((dim, i) => typeof other[i] !== "number" || agrees(dim, other[i]))
  );
}

function shape(dims: readonly (number | string | null)[]): string {
  return `(${dims.map((dim) => dim ?? "?").join(", ")})`;
}

function typeName(type: number): string {
  return TYPES.get(type) ?? `type ${type}`;
}
