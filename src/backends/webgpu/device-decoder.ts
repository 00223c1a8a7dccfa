import type { StepOutputs } from "../../engine/step.js";
import { InferenceError } from "../../errors.js";
import { lastLogits } from "../onnx/decoder-tensors.js";
import { type EditSet, editFeeds } from "../onnx/edit-feeds.js";
import { cacheTensor, float32, inputTensor } from "../onnx/float-tensors.js";
import type { DecoderGraph } from "../onnx/graphs.js";
import type { CacheGeometry } from "../onnx/key-value-cache.js";
import type { Runtime, Tensors } from "../onnx/runtime.js";
import { DevicePast } from "./device-past.js";

/** Tokens to append to a context. */
export interface DeviceInput {
  /** What the context holds so far; undefined for none. */
  readonly past: DevicePast | undefined;
  /** Embeddings (S, hidden) of the new tokens. */
  readonly embeddings: Float32Array;
  /** Position ids (planes, S). */
  readonly positions: readonly Int32Array[];
  /** Strength of each edit of the graph. */
  readonly strengths: readonly number[];
  /** Spans of image tokens in the whole context. */
  readonly images: readonly { readonly start: number; readonly end: number }[];
}

/** The outputs after the last token, and what the context then holds. */
export interface DeviceStep {
  readonly outputs: StepOutputs;
  readonly past: DevicePast;
}

/** Runs a decoder whose cache stays on the device, one context at a time. */
export class DeviceDecoder {
  readonly #runtime: Runtime;
  readonly #graph: DecoderGraph;
  readonly #geometry: CacheGeometry;
  readonly #edits: EditSet["edits"];

  /** @param edits what the graph was patched with; each input gives their strengths */
  constructor(
    runtime: Runtime,
    graph: DecoderGraph,
    geometry: CacheGeometry,
    edits: EditSet["edits"],
  ) {
    this.#runtime = runtime;
    this.#geometry = geometry;
    this.#graph = graph;
    this.#edits = edits;
  }

  /**
   * Appends tokens. The past that it is given stays as it is, and whoever holds it goes on to.
   *
   * @throws InferenceError when the graph fails; nothing is then left on the device
   */
  async run(input: DeviceInput): Promise<DeviceStep> {
    const { session, feeds } = this.#graph;
    const steps = input.positions[0]!.length;
    const pastRows = input.past?.length ?? 0;
    const row = { ...input, pastLength: pastRows, newLength: steps };
    let outputs: Tensors;
    try {
      outputs = await session.run({
        ...feeds,
        ...editFeeds(this.#runtime, session, this.#edits, { rows: [row], steps, pastRows }),
        ...this.#tokenFeeds(input, pastRows + steps),
        ...(input.past?.tensors ?? this.#emptyPast()),
      });
    } catch (cause) {
      throw new InferenceError(`the decoder failed: ${(cause as Error).message}`, { cause });
    }
    const past = new DevicePast(pastRows + steps, presentAsPast(outputs));
    try {
      const [logits] = lastLogits(outputs.logits, 1);
      return { outputs: { logits: logits!, ...this.#readings(outputs) }, past };
    } catch (error) {
      past.release();
      throw error;
    }
  }

  #tokenFeeds({ embeddings, positions }: DeviceInput, total: number): Tensors {
    const { Tensor } = this.#runtime;
    const { session } = this.#graph;
    const { inputNames } = session;
    const steps = positions[0]!.length;
    const feeds: Tensors = {
      inputs_embeds: inputTensor(this.#runtime, session, "inputs_embeds", {
        data: embeddings,
        dims: [1, steps, embeddings.length / steps],
      }),
      attention_mask: new Tensor("int64", new BigInt64Array(total).fill(1n), [1, total]),
    };
    if (inputNames.includes("position_ids")) {
      const ids = positions.flatMap((plane) => [...plane]);
      const dims = positions.length === 1 ? [1, steps] : [positions.length, 1, steps];
      feeds.position_ids = new Tensor("int64", BigInt64Array.from(ids, BigInt), dims);
    }
    if (inputNames.includes("num_logits_to_keep")) {
      feeds.num_logits_to_keep = new Tensor("int64", BigInt64Array.of(1n), []);
    }
    return feeds;
  }

  #emptyPast(): Tensors {
    const past: Tensors = {};
    this.#geometry.layers.forEach(({ heads, headSize }, layer) => {
      for (const kind of ["key", "value"]) {
        const none = new this.#geometry.ArrayType(0);
        past[`past_key_values.${layer}.${kind}`] = cacheTensor(this.#runtime, none, [
          1,
          heads,
          0,
          headSize,
        ]);
      }
    });
    return past;
  }

  #readings(outputs: Tensors): Pick<StepOutputs, "readings"> {
    const names = this.#edits.flatMap((edit) => edit.outputs ?? []);
    if (names.length === 0) return {};
    const readings = names.map(
      (name) => [name, float32(outputs[name]!, `the graph's ${name}`)] as const,
    );
    return { readings: Object.fromEntries(readings) };
  }
}

/** The cache that a run returns, by the names that the next one takes it by. */
function presentAsPast(outputs: Tensors): Tensors {
  const presents = Object.entries(outputs).filter(([name]) => name.startsWith("present."));
  return Object.fromEntries(
    presents.map(([name, tensor]) => [name.replace("present", "past_key_values"), tensor]),
  );
}
