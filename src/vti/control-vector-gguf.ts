import type { SteeringDirections } from "../engine/directions.js";
import { InvalidArgumentError } from "../errors.js";
import { unitDirections } from "../onnx/edits/steering.js";

const ALIGNMENT = 32;
const TYPE_UINT32 = 4;
const TYPE_STRING = 8;
const FLOAT32 = 0;

/**
 * The textual direction as a llama.cpp control vector: GGUF version 3 with architecture "controlvector" and one float32
 * tensor `direction.i` (width) of unit length for each layer but the first, which llama.cpp does not steer.
 *
 * @param modelHint architecture the vector is for, for example "llama"
 * @throws InvalidArgumentError when there is no textual direction, or one of a single layer
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and llama.cpp's common/common.cpp (control vectors)
 */
export function controlVectorGguf({ text }: SteeringDirections, modelHint: string): Uint8Array {
  if (text === undefined || text.layers < 2) {
    throw new InvalidArgumentError(
      "directions: expected a textual direction of two layers or more, which a control vector is made of",
    );
  }
  const { layers, width } = text;
  const unit = unitDirections(text.data, width);
  const size = Math.ceil((4 * width) / ALIGNMENT) * ALIGNMENT;
  const header = new GgufHeader(layers - 1, 4);
  header.text("general.architecture", "controlvector");
  header.integer("general.alignment", ALIGNMENT);
  header.text("controlvector.model_hint", modelHint);
  header.integer("controlvector.layer_count", layers - 1);
  for (let layer = 1; layer < layers; layer++) {
    header.tensor(`direction.${layer}`, width, (layer - 1) * size);
  }
  const head = header.bytes();
  const bytes = new Uint8Array(head.length + (layers - 1) * size);
  bytes.set(head);
  for (let layer = 1; layer < layers; layer++) {
    const row = unit.slice(layer * width, (layer + 1) * width);
    bytes.set(new Uint8Array(row.buffer), head.length + (layer - 1) * size);
  }
  return bytes;
}

/** Little-endian header of a GGUF file: magic, version, counts, metadata, tensor descriptions. */
class GgufHeader {
  readonly #bytes: number[] = [...new TextEncoder().encode("GGUF")];

  constructor(tensors: number, metadata: number) {
    this.#integer(3, 4);
    this.#integer(tensors, 8);
    this.#integer(metadata, 8);
  }

  text(key: string, value: string): void {
    this.#string(key);
    this.#integer(TYPE_STRING, 4);
    this.#string(value);
  }

  integer(key: string, value: number): void {
    this.#string(key);
    this.#integer(TYPE_UINT32, 4);
    this.#integer(value, 4);
  }

  /** Describes a float32 vector at an offset behind the header. */
  tensor(name: string, length: number, offset: number): void {
    this.#string(name);
    this.#integer(1, 4);
    this.#integer(length, 8);
    this.#integer(FLOAT32, 4);
    this.#integer(offset, 8);
  }

  /** The header, filled up to the alignment of the data. */
  bytes(): Uint8Array {
    const length = Math.ceil(this.#bytes.length / ALIGNMENT) * ALIGNMENT;
    const padded = new Uint8Array(length);
    padded.set(this.#bytes);
    return padded;
  }

  #string(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.#integer(encoded.length, 8);
    this.#bytes.push(...encoded);
  }

  #integer(value: number, size: 4 | 8): void {
    for (let i = 0; i < size; i++) this.#bytes.push(Math.floor(value / 2 ** (8 * i)) % 256);
  }
}
