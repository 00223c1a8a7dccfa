import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { externalData } from "./build.js";
import type { OnnxModel } from "./graph-model.js";
import { notAModel, readModel } from "./read-model.js";
import { joinPieces, messageField, type Pieces, toBytes } from "./wire.js";

/** A file that is read in parts. */
export interface FileParts {
  readonly size: number;
  /** So many bytes from an offset on, which lie within the file. The array is not changed afterwards. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A field of a message in a file: where it starts, where its payload starts, and where both end. */
interface PlacedField {
  readonly number: number;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

/** Numbers of fields in ModelProto, GraphProto and TensorProto. */
const GRAPH = 7;
const INITIALIZER = 5;
const RAW_DATA = 9;

/** A tag and the length or number behind it are never longer. */
const HEADER_BYTES = 20;

/** Tensors below this many bytes stay in the graph: shapes and constants, which the runtime reads while optimising. */
const SMALL = 1024;

/**
 * Reads the graph of an ONNX file and leaves its weights where they are: they are neither read nor kept, and the file
 * itself becomes their external data. What is written of such a graph is small whatever the size of the model, and the
 * runtime maps the weights into memory, however many sessions use them.
 *
 * @param location the file's name, relative to the folder that the session is told
 * @throws ModelLoadError when the file is not an ONNX model
 */
export async function readWithoutWeights(file: FileParts, location: string): Promise<OnnxModel> {
  const whole = { payload: 0, end: file.size };
  const model = await rewrite(file, whole, GRAPH, (graph) =>
    rewrite(file, graph, INITIALIZER, (tensor) => withoutData(file, tensor, location)),
  );
  return readModel(toBytes(model));
}

/** A message with the content of its fields of one number made anew. */
async function rewrite(
  file: FileParts,
  message: Pick<PlacedField, "payload" | "end">,
  number: number,
  content: (field: PlacedField) => Promise<Pieces>,
): Promise<Pieces> {
  const pieces: (Pieces | Uint8Array)[] = [];
  for await (const field of fieldsOf(file, message)) {
    const isAsItIs = field.number !== number;
    pieces.push(isAsItIs ? await encoded(file, field) : messageField(number, await content(field)));
  }
  return joinPieces(pieces);
}

/** A tensor that names the place of its data, if it holds much of it. */
async function withoutData(
  file: FileParts,
  tensor: PlacedField,
  location: string,
): Promise<Pieces> {
  const pieces: (Pieces | Uint8Array)[] = [];
  let place: Pieces | undefined;
  for await (const field of fieldsOf(file, tensor)) {
    const length = field.end - field.payload;
    const isData = field.number === RAW_DATA && length >= SMALL;
    if (isData) place = externalData({ location, offset: field.payload, length });
    else pieces.push(await encoded(file, field));
  }
  // Last, since the tensor may say before that its data lies in the graph.
  return joinPieces(place === undefined ? pieces : [...pieces, place]);
}

function encoded(file: FileParts, { start, end }: PlacedField): Promise<Uint8Array> {
  return file.read(start, end - start);
}

async function* fieldsOf(
  file: FileParts,
  message: Pick<PlacedField, "payload" | "end">,
): AsyncGenerator<PlacedField> {
  for (let at = message.payload; at < message.end; ) {
    const header = await file.read(at, Math.min(HEADER_BYTES, message.end - at));
    const field = placeField(header, at, file.size);
    if (field.end > message.end) throw notAModel(file.size);
    yield field;
    at = field.end;
  }
}

/** @param start where the header lies in a file of `size` bytes */
function placeField(header: Uint8Array, start: number, size: number): PlacedField {
  try {
    const reader = new BinaryReader(header);
    const [number, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) {
      const payload = start + reader.pos;
      reader.skip(wireType, number);
      return { number, start, payload, end: start + reader.pos };
    }
    const length = reader.uint32();
    const payload = start + reader.pos;
    return { number, start, payload, end: payload + length };
  } catch (cause) {
    throw notAModel(size, cause);
  }
}
