import type { LayerDirections, SteeringDirections } from "../engine/directions.js";
import { DatasetError } from "../errors.js";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.js";

const FORMAT = "groundsight-directions";
const VERSION = "1";

/**
 * Directions as the bytes of a safetensors file: tensors `image` (layers, positions, width) and `text` (layers, 1,
 * width), and in the metadata the model's hash and the facts of the fit as JSON.
 */
export function encodeDirections({
  modelHash,
  image,
  text,
  facts,
}: SteeringDirections): Uint8Array {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, directions] of Object.entries({ image, text })) {
    if (directions === undefined) continue;
    const { layers, positions, width, data } = directions;
    tensors[name] = { dims: [layers, positions, width], data };
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
  return {
    modelHash,
    facts: JSON.parse(metadata.facts ?? "{}"),
    ...(image === undefined ? {} : { image }),
    ...(text === undefined ? {} : { text }),
  };
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
