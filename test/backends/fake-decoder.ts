import type { InferenceSession, TensorConstructor } from "onnxruntime-common";
import type { DecoderGraph } from "../../src/backends/onnx/graphs.js";
import type { Session, Tensors } from "../../src/backends/onnx/runtime.js";
import type { FakeToken } from "../../src/testing/fake-tokens.js";

/** Width of the fake model's embeddings: token id and image feature. */
export const FAKE_HIDDEN = 2;

/** How a fake decoder keeps its cache; see DecoderGraph. */
export interface FakeCache extends Pick<DecoderGraph, "pastLayout" | "returnsNewRows"> {
  /** Whether its tensors are float16. Their bits then hold whole numbers, and features in 1024ths. */
  readonly isHalf?: boolean;
}

/** Elements of the cache's tensors. */
type Elements = Float32Array | Uint16Array;

/**
 * A decoder whose cache holds the tokens themselves, so that the next logits are any function of the whole context.
 * It reads the cache exactly as real graphs do: by mask, by count, or by length.
 *
 * @param logits logits (V) after a context
 */
export function fakeDecoder(
  TensorClass: TensorConstructor,
  cache: FakeCache,
  logits: (context: readonly FakeToken[]) => Float32Array,
): Session {
  const inputs = [
    "inputs_embeds",
    "attention_mask",
    "position_ids",
    "past_key_values.0.key",
    "past_key_values.0.value",
  ];
  return {
    inputNames: inputs,
    outputNames: ["logits"],
    inputMetadata: inputs.map((name) => metadata(name, cache)),
    outputMetadata: [],
    run: (async (feeds: Tensors) =>
      runDecoder(TensorClass, cache, logits, feeds)) as InferenceSession["run"],
    release: async () => {},
  };
}

function metadata(name: string, { isHalf }: FakeCache): InferenceSession.ValueMetadata {
  const type = isHalf === true && name.startsWith("past") ? "float16" : "float32";
  return { name, isTensor: true, type, shape: ["batch", 1, "past", FAKE_HIDDEN] };
}

/** Rows that a run adds to one context, and how many it held before. */
interface AddedRows {
  readonly added: readonly { readonly key: readonly number[]; readonly value: readonly number[] }[];
  readonly count: number;
}

function runDecoder(
  TensorClass: TensorConstructor,
  cache: FakeCache,
  logitsOf: (context: readonly FakeToken[]) => Float32Array,
  feeds: Tensors,
): Tensors {
  const { pastLayout, isHalf = false } = cache;
  const scale = isHalf ? 1024 : 1;
  const [batch, steps] = feeds.inputs_embeds!.dims as [number, number];
  const pastRows = feeds["past_key_values.0.key"]!.dims[2]!;
  const embeddings = feeds.inputs_embeds!.data as Float32Array;
  const [keys, values] = ["key", "value"].map((kind) => {
    const { type, data } = feeds[`past_key_values.0.${kind}`]!;
    if (type !== (isHalf ? "float16" : "float32")) throw new Error(`received a past of ${type}`);
    return data as Elements;
  }) as [Elements, Elements];
  const mask = feeds.attention_mask!;
  const width = mask.dims[1]!;
  const positions = feeds.position_ids!.data as BigInt64Array;
  const rows: AddedRows[] = [];
  const logits: Float32Array[] = [];
  for (let b = 0; b < batch; b++) {
    const ones = (mask.data as BigInt64Array).subarray(b * width, (b + 1) * width);
    const filled = ones.reduce((sum, one) => sum + Number(one), 0);
    const context: FakeToken[] = [];
    for (let slot = 0; slot < pastRows; slot++) {
      const isFilled = pastLayout === "counted" ? slot < filled - steps : ones[slot] === 1n;
      const at = (b * pastRows + slot) * FAKE_HIDDEN;
      if (isFilled) {
        context.push({ id: keys[at]!, position: keys[at + 1]!, feature: values[at]! / scale });
      }
    }
    const added: AddedRows["added"][number][] = [];
    for (let s = 0; s < steps; s++) {
      const at = (b * steps + s) * FAKE_HIDDEN;
      const token = {
        id: embeddings[at]!,
        feature: isHalf ? Math.round(embeddings[at + 1]! * scale) / scale : embeddings[at + 1]!,
        position: Number(positions[b * steps + s]),
      };
      added.push({ key: [token.id, token.position], value: [token.feature * scale, 0] });
      if (pastLayout === "counted" || ones[width - steps + s] === 1n) context.push(token);
    }
    rows.push({ added, count: filled - steps });
    logits.push(logitsOf(context.sort((one, other) => one.position - other.position)));
  }
  return {
    logits: new TensorClass("float32", Float32Array.from(logits.flatMap((row) => [...row])), [
      batch,
      1,
      logits[0]!.length,
    ]),
    ...cacheOutputs(TensorClass, cache, rows, { key: keys, value: values, rows: pastRows }),
  };
}

/** New rows alone, or the whole cache: with them behind the past as fed, or at each context's count. */
function cacheOutputs(
  TensorClass: TensorConstructor,
  { pastLayout, returnsNewRows, isHalf = false }: FakeCache,
  rows: readonly AddedRows[],
  past: { readonly key: Elements; readonly value: Elements; readonly rows: number },
): Tensors {
  const outputs: Tensors = {};
  const steps = rows[0]!.added.length;
  for (const kind of ["key", "value"] as const) {
    const data = rows.flatMap(({ added, count }, b) => {
      const fresh = added.flatMap((row) => row[kind]);
      if (returnsNewRows) return fresh;
      const start = b * past.rows * FAKE_HIDDEN;
      const whole = [
        ...past[kind].subarray(start, start + past.rows * FAKE_HIDDEN),
        ...fresh.map(() => 0),
      ];
      whole.splice(
        (pastLayout === "counted" ? count : past.rows) * FAKE_HIDDEN,
        fresh.length,
        ...fresh,
      );
      return whole;
    });
    const name = `${returnsNewRows ? "new" : "present"}.0.${kind}`;
    const dims = [rows.length, 1, steps + (returnsNewRows ? 0 : past.rows), FAKE_HIDDEN];
    outputs[name] = isHalf
      ? new TensorClass("float16", Uint16Array.from(data), dims)
      : new TensorClass("float32", Float32Array.from(data), dims);
  }
  return outputs;
}
