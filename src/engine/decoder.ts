import type { Tensor } from "onnxruntime-common";
import { InferenceError, ModelLoadError } from "../errors.js";
import type { PastLayout } from "../onnx/edits/cache-delta.js";
import type { CacheArray, CacheGeometry, KeyValueCache } from "./key-value-cache.js";
import type { Runtime, Session, Tensors } from "./runtime.js";
import { type GraphSteering, steeringFeeds } from "./steering.js";

/** Tokens to append to one context. */
export interface ContextInput {
  /** Index of the context in the cache. */
  readonly context: number;
  /** Embeddings (S, hidden) of the new tokens. */
  readonly embeddings: Float32Array;
  /** Position ids (planes, S): one plane for most families, three for multimodal rotary embeddings. */
  readonly positions: readonly Int32Array[];
}

/** A decoder graph with what the engine must know to run it. */
export interface DecoderGraph {
  readonly session: Session;
  /** How the past may be fed (see onnx/cache-delta). */
  readonly pastLayout: PastLayout;
  /** Whether the graph returns only new rows (outputs new.N.*) rather than the whole cache (present.N.*). */
  readonly returnsNewRows: boolean;
  /** Inputs beyond the usual ones, the same at each step. */
  readonly feeds: Tensors;
  readonly steering?: GraphSteering;
}

interface Step {
  readonly inputs: readonly ContextInput[];
  /** New tokens S of the longest input; shorter ones are padded on the left. */
  readonly steps: number;
  /** Rows per head of the past as fed. */
  readonly pastRows: number;
}

const KNOWN_INPUT =
  /^(inputs_embeds|attention_mask|position_ids|num_logits_to_keep|past_key_values\.\d+\.(key|value))$/;

/** Runs a decoder graph over contexts of a cache: appends tokens and returns the logits after each context's last one. */
export class Decoder {
  readonly #runtime: Runtime;
  readonly #graph: DecoderGraph;
  readonly geometry: CacheGeometry;

  /** @throws ModelLoadError when the graph has inputs that this engine does not know, or lacks a cache */
  constructor(runtime: Runtime, graph: DecoderGraph) {
    this.#runtime = runtime;
    this.#graph = graph;
    const { inputNames } = graph.session;
    const extra = { ...graph.feeds, ...steeringFeeds(runtime, graph.steering, 1) };
    const unknown = inputNames.filter((name) => !KNOWN_INPUT.test(name) && !(name in extra));
    if (unknown.length > 0) {
      throw new ModelLoadError(
        `decoder: its inputs include ${unknown.join(", ")}, which this engine cannot feed; export the decoder with inputs_embeds, attention_mask, position_ids and past_key_values`,
      );
    }
    this.geometry = readGeometry(graph.session);
  }

  /**
   * Appends tokens to contexts.
   *
   * @param inputs at most one per context, by ascending context
   * @returns per input: logits (V) after its last token, free to be overwritten
   */
  async extend(cache: KeyValueCache, inputs: readonly ContextInput[]): Promise<Float32Array[]> {
    const lengths = inputs.map((input) => input.positions[0]!.length);
    cache.reserve(
      Math.max(...inputs.map(({ context }, i) => cache.lengths[context]! + lengths[i]!)),
    );
    const logits: Float32Array[] = [];
    for (const group of this.#groups(cache, inputs)) {
      logits.push(...(await this.#run(cache, group)));
    }
    return logits;
  }

  /** Splits inputs into runs of the graph, as its layout of the past allows. Order is kept. */
  #groups(cache: KeyValueCache, inputs: readonly ContextInput[]): ContextInput[][] {
    const { pastLayout } = this.#graph;
    const groups: ContextInput[][] = [];
    for (const input of inputs) {
      const group = groups.at(-1);
      const last = group?.at(-1);
      const length = (other: ContextInput) => other.positions[0]!.length;
      const past = (other: ContextInput) => cache.lengths[other.context];
      const joins =
        last !== undefined &&
        input.context === last.context + 1 &&
        (pastLayout === "masked" ||
          (pastLayout === "counted" && length(input) === 1 && length(last) === 1) ||
          (pastLayout === "exact" && length(input) === length(last) && past(input) === past(last)));
      if (joins) group!.push(input);
      else groups.push([input]);
    }
    return groups;
  }

  async #run(cache: KeyValueCache, inputs: readonly ContextInput[]): Promise<Float32Array[]> {
    const longest = Math.max(...inputs.map(({ context }) => cache.lengths[context]!));
    const isExact = this.#graph.pastLayout === "exact";
    const step: Step = {
      inputs,
      steps: Math.max(...inputs.map(({ positions }) => positions[0]!.length)),
      pastRows: isExact || longest === 0 ? longest : cache.capacity,
    };
    let outputs: Tensors;
    try {
      outputs = await this.#graph.session.run({
        ...this.#graph.feeds,
        ...steeringFeeds(this.#runtime, this.#graph.steering, inputs.length),
        ...this.#tokenFeeds(cache, step),
        ...this.#pastFeeds(cache, step),
      });
    } catch (cause) {
      throw new InferenceError(`the decoder failed: ${(cause as Error).message}`, { cause });
    }
    this.#store(cache, step, outputs);
    return lastLogits(outputs.logits, inputs.length);
  }

  #tokenFeeds(cache: KeyValueCache, step: Step): Tensors {
    const { inputs, steps } = step;
    const { inputNames } = this.#graph.session;
    const batch = inputs.length;
    const hidden = inputs[0]!.embeddings.length / inputs[0]!.positions[0]!.length;
    const embeddings = new Float32Array(batch * steps * hidden);
    const planes = inputs[0]!.positions.length;
    const positions = new BigInt64Array(planes * batch * steps);
    inputs.forEach((input, i) => {
      const padding = steps - input.positions[0]!.length;
      embeddings.set(input.embeddings, (i * steps + padding) * hidden);
      input.positions.forEach((plane, p) => {
        const row = (p * batch + i) * steps + padding;
        for (let s = 0; s < plane.length; s++) positions[row + s] = BigInt(plane[s]!);
      });
    });
    const { Tensor } = this.#runtime;
    const feeds: Tensors = {
      inputs_embeds: new Tensor("float32", embeddings, [batch, steps, hidden]),
      attention_mask: this.#mask(cache, step),
    };
    if (inputNames.includes("position_ids")) {
      const dims = planes === 1 ? [batch, steps] : [planes, batch, steps];
      feeds.position_ids = new Tensor("int64", positions, dims);
    }
    if (inputNames.includes("num_logits_to_keep")) {
      feeds.num_logits_to_keep = new Tensor("int64", BigInt64Array.of(1n), []);
    }
    return feeds;
  }

  /** One per slot of the past that is filled and per new token, else zero; for counted layouts ones come first. */
  #mask(cache: KeyValueCache, { inputs, steps, pastRows }: Step): Tensor {
    const isCounted = this.#graph.pastLayout === "counted";
    const totals = inputs.map(
      ({ context, positions }) => cache.lengths[context]! + positions[0]!.length,
    );
    const width = isCounted ? Math.max(...totals) : pastRows + steps;
    const mask = new BigInt64Array(inputs.length * width);
    inputs.forEach(({ context, positions }, i) => {
      const row = mask.subarray(i * width, (i + 1) * width);
      if (isCounted) row.fill(1n, 0, totals[i]);
      else row.fill(1n, 0, cache.lengths[context]).fill(1n, width - positions[0]!.length);
    });
    return new this.#runtime.Tensor("int64", mask, [inputs.length, width]);
  }

  #pastFeeds(cache: KeyValueCache, { inputs, pastRows }: Step): Tensors {
    const { session, pastLayout } = this.#graph;
    const contexts = inputs.map(({ context }) => context);
    const feeds: Tensors = {};
    this.geometry.layers.forEach(({ heads, headSize }, layer) => {
      const dims = [inputs.length, heads, pastRows, headSize];
      for (const kind of ["key", "value"] as const) {
        const name = `past_key_values.${layer}.${kind}`;
        if (!session.inputNames.includes(name)) continue;
        let data: CacheArray;
        if (pastRows === 0) data = new this.geometry.ArrayType(0);
        else if (pastLayout === "exact" && pastRows !== cache.capacity)
          data = cache.compact(kind, layer, contexts, pastRows);
        else data = cache.view(kind, layer, contexts[0]!, contexts.length);
        feeds[name] = this.#cacheTensor(data, dims);
      }
    });
    return feeds;
  }

  #cacheTensor(data: CacheArray, dims: readonly number[]): Tensor {
    const { Tensor } = this.#runtime;
    return data instanceof Float32Array
      ? new Tensor("float32", data, dims)
      : new Tensor("float16", data, dims);
  }

  /** Writes the rows that a run added to the cache. */
  #store(cache: KeyValueCache, step: Step, outputs: Tensors): void {
    const { returnsNewRows, pastLayout } = this.#graph;
    const name = returnsNewRows ? "new" : "present";
    this.geometry.layers.forEach((_, layer) => {
      for (const kind of ["key", "value"] as const) {
        const output = outputs[`${name}.${layer}.${kind}`]!;
        const source = cacheArray(output);
        const sourceRows = output.dims[2]!;
        step.inputs.forEach(({ context, positions }, batchIndex) => {
          const count = positions[0]!.length;
          const past = pastLayout === "counted" ? cache.lengths[context]! : step.pastRows;
          const firstRow = (returnsNewRows ? 0 : past) + step.steps - count;
          cache.write(kind, layer, context, count, { source, sourceRows, firstRow, batchIndex });
        });
      }
    });
    for (const { context, positions } of step.inputs) cache.advance(context, positions[0]!.length);
  }
}

/** A cache tensor's elements; float16 as bits, whatever array the runtime hands them out in. */
function cacheArray({ data, type }: Tensor): CacheArray {
  if (data instanceof Float32Array || data instanceof Uint16Array) return data;
  if (type === "float16" && ArrayBuffer.isView(data)) {
    return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  }
  throw new InferenceError(
    `the decoder returned cache rows of type ${type}; expected float32 or float16`,
  );
}

/** Heads and head size per layer, from the shapes of the past inputs (B, H, P, D). */
function readGeometry(session: Session): CacheGeometry {
  const layers: { heads: number; headSize: number }[] = [];
  let isHalf = false;
  for (const input of session.inputMetadata) {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(input.name)?.[1];
    if (layer === undefined || !input.isTensor) continue;
    const [, heads, , headSize] = input.shape;
    if (typeof heads !== "number" || typeof headSize !== "number") {
      throw new ModelLoadError(
        `decoder: input ${input.name} has shape (${input.shape.join(", ")}); expected known numbers of heads and head size`,
      );
    }
    layers[Number(layer)] = { heads, headSize };
    isHalf = input.type === "float16";
  }
  if (layers.length === 0) {
    throw new ModelLoadError(
      "decoder: it has no past_key_values inputs; export it with a key/value cache (decoder_model_merged)",
    );
  }
  return { layers, ArrayType: isHalf ? Uint16Array : Float32Array };
}

/** Views (V) of the last position of each row in logits (B, kept, V). */
function lastLogits(logits: Tensor | undefined, batch: number): Float32Array[] {
  if (logits === undefined || logits.type !== "float32") {
    throw new InferenceError(
      `the decoder returned logits of type ${logits?.type ?? "none"}; expected float32`,
    );
  }
  const [, kept, vocabulary] = logits.dims as readonly [number, number, number];
  const data = logits.data as Float32Array;
  return Array.from({ length: batch }, (_, i) => {
    const end = (i + 1) * kept * vocabulary;
    return data.subarray(end - vocabulary, end);
  });
}
