import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OnnxBackend } from "../src/backends/onnx/backend.js";
import type { ImageToProcess } from "../src/backends/onnx/parts.js";
import type { OnnxPrompt } from "../src/backends/onnx/prompt.js";
import type { Pixels, Role, Turn } from "../src/engine/conversation.js";
import { ORIGINAL_IMAGE } from "../src/engine/image-variant.js";
import type { Method } from "../src/engine/method.js";
import type { GenerateRequest } from "../src/engine/request.js";
import type { View } from "../src/engine/view.js";
import { LocalModel } from "../src/model/local-model.js";
import { readCheckpointFolder } from "../src/node/checkpoint-folder.js";
import { type DtypeChoice, dtypeText, graphDtypes } from "../src/node/dtype-choice.js";
import { loadBackend } from "../src/node/load-backend.js";
import type { LoadOptions } from "../src/node/load-options.js";

/** Where the tiny checkpoints lie that test/peers/make-checkpoints.py makes. */
export const CHECKPOINTS: string = fileURLToPath(new URL("./checkpoints/", import.meta.url));

/** Graphs in 4 bits, of checkpoints whose embeddings, which have no products, are there once. */
export const FOUR_BITS: DtypeChoice = { vision_encoder: "q4", decoder_model_merged: "q4" };

/** A picture as a formula: x X + y Y + c C + floor(X Y / xy), modulo 256. */
export interface PictureFormula {
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
  readonly c: number;
  readonly xy: number;
}

/** An array as Python saw it. */
export interface RecordedArray {
  readonly dims: readonly number[];
  readonly type: string;
  readonly sha256: string;
  readonly sample: readonly number[];
}

/** A prompt as Python laid it out and answered it. */
export interface RecordedCase {
  readonly turns: readonly {
    readonly role: Role;
    readonly parts: readonly ({ readonly image: number } | { readonly text: string })[];
  }[];
  readonly tokens: readonly number[];
  /** One row a plane. */
  readonly positions: readonly (readonly number[])[];
  /** Of each image, the inputs of the vision graph by name. */
  readonly vision: readonly Readonly<Record<string, RecordedArray>>[];
  /** Behind the last token of the prompt. */
  readonly logits: readonly number[];
  readonly greedy: readonly number[];
}

/** What Python computed for a checkpoint. */
export interface Reference {
  readonly images: readonly PictureFormula[];
  readonly cases: Readonly<Record<string, RecordedCase>>;
  /** Of some cases, the last token's attention: (layers that attend, heads, tokens). */
  readonly attention?: Readonly<Record<string, readonly (readonly (readonly number[])[])[]>>;
  /** Cases answered together, padded to one length. */
  readonly batch: { readonly rows: readonly string[]; readonly greedy: readonly number[][] };
  /** What its graphs answer in other precisions, as onnxruntime runs them in Python. */
  readonly graphs?: readonly {
    readonly dtypes: DtypeChoice;
    readonly greedy: Readonly<Record<string, readonly number[]>>;
  }[];
  /** Logits of a case whose text is steered along the direction sin(1), sin(2), ..., where it was recorded. */
  readonly steered?: {
    readonly case: string;
    readonly text: number;
    readonly logits: readonly number[];
  };
}

/** The reference.json of a checkpoint. */
export function readReference(name: string): Reference {
  return JSON.parse(readFileSync(`${CHECKPOINTS}${name}/reference.json`, "utf8")) as Reference;
}

/** The pixels that a formula stands for. */
export function picture({ width, height, x, y, c, xy }: PictureFormula): Pixels {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [channel, column, row] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return column * x + row * y + channel * c + Math.floor((column * row) / xy);
  });
  return { data, width, height, channels: 3 };
}

/** A recorded case as a request of the same number of tokens. */
export function requestOf({ images }: Reference, { turns, greedy }: RecordedCase): GenerateRequest {
  return {
    turns: turns.map(
      ({ role, parts }): Turn => ({
        role,
        content: parts.map((part) =>
          "text" in part
            ? { type: "text", text: part.text }
            : { type: "image", image: picture(images[part.image]!) },
        ),
      }),
    ),
    maxTokens: greedy.length,
  };
}

/** Opens a tiny checkpoint; an answer is not ended by the end-of-text token of a recorded one. */
export async function openCheckpoint(
  name: string,
  dtype: DtypeChoice = "fp32",
  options: LoadOptions = {},
): Promise<OnnxBackend> {
  const path = name.startsWith("/") ? name : `${CHECKPOINTS}${name}`;
  const dtypes = graphDtypes(dtype);
  const folder = readCheckpointFolder(path, dtypes);
  const backend = await loadBackend({
    id: name,
    folder,
    dtype: dtypeText(dtypes),
    adapter: undefined,
    options: { threads: 1, ...options },
  });
  return backend as OnnxBackend;
}

/** As {@link openCheckpoint}, as a model. */
export async function openModel(
  name: string,
  dtype?: DtypeChoice,
  options?: LoadOptions,
): Promise<LocalModel> {
  return new LocalModel(await openCheckpoint(name, dtype, options));
}

/** A recorded case laid out by the backend, with its opened images. */
export async function layOutCase(
  backend: OnnxBackend,
  { images }: Reference,
  { turns }: RecordedCase,
): Promise<{ prompt: OnnxPrompt; images: ImageToProcess[] }> {
  const opened: ImageToProcess[] = [];
  const view: View[number][] = [];
  for (const { role, parts } of turns) {
    const shown: View[number]["parts"][number][] = [];
    for (const part of parts) {
      if ("text" in part) {
        shown.push({ type: "text", text: part.text });
        continue;
      }
      shown.push({ type: "image", image: opened.length, variant: ORIGINAL_IMAGE });
      const source = picture(images[part.image]!);
      opened.push((await backend.openImage(source, undefined)) as ImageToProcess);
    }
    view.push({ role, parts: shown });
  }
  return { prompt: await backend.layOut({ view }, opened, false), images: opened };
}

/** An array of numbers as {@link RecordedArray} has it. */
export function recorded({
  data,
  dims,
}: {
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly dims: readonly number[];
}): RecordedArray {
  const types = { Float32Array: "float32", BigInt64Array: "int64", Uint8Array: "bool" };
  const last = data.length - 1;
  const count = Math.min(16, data.length);
  const sample = Array.from({ length: count }, (_, i) => {
    const value = Number(data[count === 1 ? 0 : Math.trunc((last / (count - 1)) * i)]);
    return Math.round(value * 1e6) / 1e6;
  });
  return {
    dims: [...dims],
    type: types[data.constructor.name as keyof typeof types],
    sha256: createHash("sha256")
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest("hex"),
    sample,
  };
}

/** The plain method, which also keeps each step's logits in `steps`. */
export function listening(steps: Float32Array[], streams?: Pick<Method, "needs">): Method {
  return {
    name: "listening",
    settings: {},
    needs: streams?.needs ?? {},
    start: ({ view }) => ({
      streams: [{ view }],
      scores([output]) {
        steps.push(output!.logits.slice());
        return output!.logits;
      },
    }),
  };
}

/** The largest difference of two rows of numbers. */
export function largestDifference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  return Array.from(one).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}
