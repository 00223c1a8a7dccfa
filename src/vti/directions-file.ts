import type { LayerDirections, LayerSubspaces, SteeringDirections } from "../engine/directions.js";
import type { JsonValue } from "../engine/json-value.js";
import { DatasetError } from "../errors.js";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.js";

const FORMAT = "groundsight-directions";
const VERSION = "1";
/** How deep facts may be nested; those of a fit have three levels. */
const FACT_LEVELS = 32;

/**
 * Directions as the bytes of a safetensors file: tensors `image` (layers, positions, width) and `text` (layers, 1,
 * width), `subspace` (layers, rank, width), and in the metadata the model's hash and the facts of the fit as JSON.
 */
export function encodeDirections({
  modelHash,
  image,
  text,
  subspace,
  facts,
}: SteeringDirections): Uint8Array {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, directions] of Object.entries({ image, text })) {
    if (directions === undefined) continue;
    const { layers, positions, width, data } = directions;
    tensors[name] = { dims: [layers, positions, width], data };
  }
  if (subspace !== undefined) {
    const { layers, rank, width, data } = subspace;
    tensors.subspace = { dims: [layers, rank, width], data };
  }
  const metadata = { format: FORMAT, version: VERSION, modelHash, facts: JSON.stringify(facts) };
  return writeSafetensors({ tensors, metadata });
}

/**
 * Reads the bytes of a directions file.
 *
 * @throws DatasetError when they are no directions of this version, or hold numbers that are not finite
 */
export function decodeDirections(bytes: Uint8Array): SteeringDirections {
  const { tensors, metadata } = readSafetensors(bytes);
  const { format, version, modelHash } = metadata;
  if (format !== FORMAT || version !== VERSION || typeof modelHash !== "string") {
    throw new DatasetError(
      `not a directions file: its metadata has format ${format} version ${version}; expected ${FORMAT} version ${VERSION}, as 'groundsight steer fit' writes it`,
    );
  }
  const image = layerDirections("image", tensors.image);
  const text = layerDirections("text", tensors.text);
  const subspace = layerDirections("subspace", tensors.subspace);
  return {
    modelHash,
    facts: readFacts(metadata.facts ?? "{}"),
    ...(image === undefined ? {} : { image }),
    ...(text === undefined ? {} : { text }),
    ...(subspace === undefined ? {} : { subspace: subspaceOf(subspace) }),
  };
}

function readFacts(text: string): Record<string, JsonValue> {
  let facts: unknown;
  try {
    facts = JSON.parse(text);
  } catch (cause) {
    throw new DatasetError("the directions' facts are no JSON; fit them again", { cause });
  }
  const isObject = typeof facts === "object" && facts !== null && !Array.isArray(facts);
  if (!isObject || !isNestedAtMost(facts, FACT_LEVELS)) {
    throw new DatasetError(
      `the directions' facts are no JSON object, or nested more than ${FACT_LEVELS} deep; fit them again`,
    );
  }
  return facts as Record<string, JsonValue>;
}

function isNestedAtMost(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isNestedAtMost(item, levels - 1));
}

function layerDirections(
  name: string,
  tensor: StoredTensor | undefined,
): LayerDirections | undefined {
  if (tensor === undefined) return undefined;
  const [layers, positions, width] = tensor.dims;
  if (
    layers === undefined ||
    positions === undefined ||
    width === undefined ||
    tensor.dims.length !== 3
  ) {
    throw new DatasetError(
      `directions ${name} have shape (${tensor.dims.join(", ")}); expected (layers, positions, width)`,
    );
  }
  if (!tensor.data.every(Number.isFinite)) {
    throw new DatasetError(`directions ${name} hold numbers that are not finite; fit them again`);
  }
  return { layers, positions, width, data: tensor.data };
}

function subspaceOf({ positions, ...others }: LayerDirections): LayerSubspaces {
  return { ...others, rank: positions };
}
