import type { Tensor } from "onnxruntime-common";
import type { StepResult } from "../../engine/backend.js";
import type { StepOutputs } from "../../engine/step.js";
import { InferenceError, ModelLoadError } from "../../errors.js";
import type { GraphEdit } from "../../onnx/edits/graph-edit.js";
import { cacheArray, lastLogits } from "./decoder-tensors.js";
import { editFeeds } from "./edit-feeds.js";
import { cacheTensor, float32, inputTensor } from "./float-tensors.js";
import type { DecoderGraph } from "./graphs.js";
import type { CacheArray, KeyValueCache } from "./key-value-cache.js";
import type { Runtime, Tensors } from "./runtime.js";

/** Tokens to append to one context. */
export interface ContextInput {
  /** Slot of the context in the cache. */
  readonly slot: number;
  /** Embeddings (S, hidden) of the new tokens. */
  readonly embeddings: Float32Array;
  /** Position ids (planes, S): one plane for most families, three for multimodal rotary embeddings. */
  readonly positions: readonly Int32Array[];
  /** Strength of each edit of the graph. */
  readonly strengths: readonly number[];
  /** Spans of image tokens in the whole context. */
  readonly images: readonly { readonly start: number; readonly end: number }[];
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

/**
 * Refuses a decoder whose inputs this backend cannot feed.
 *
 * @throws ModelLoadError naming the inputs
 */
export function checkDecoder({ session, feeds }: DecoderGraph): void {
  const unknown = session.inputNames.filter((name) => !KNOWN_INPUT.test(name) && !(name in feeds));
  if (unknown.length === 0) return;
  throw new ModelLoadError(
    `decoder: its inputs include ${unknown.join(", ")}, which this engine cannot feed; export the decoder with inputs_embeds, attention_mask, position_ids and past_key_values`,
  );
}

/** Runs a decoder graph over contexts of a cache: appends tokens and returns the outputs after each context's last one. */
export class DecoderRunner {
  readonly #runtime: Runtime;
  readonly #graph: DecoderGraph;
  readonly #edits: readonly GraphEdit[];

  /** @param edits what the graph was patched with; each input gives their strengths */
  constructor(runtime: Runtime, graph: DecoderGraph, edits: readonly GraphEdit[] = []) {
    this.#runtime = runtime;
    this.#graph = graph;
    this.#edits = edits;
  }

  /**
   * Appends tokens to contexts. A run that fails adds nothing, and is tried again context by context, so that one that
   * cannot be run harms no other.
   *
   * @param inputs at most one per context, by ascending slot
   * @returns per input: the outputs after its last token
   */
  async extend(cache: KeyValueCache, inputs: readonly ContextInput[]): Promise<StepResult[]> {
    cache.reserve(
      Math.max(...inputs.map(({ slot, positions }) => cache.lengths[slot]! + positions[0]!.length)),
    );
    const results: StepResult[] = [];
    for (const group of this.#groups(cache, inputs)) {
      results.push(...(await this.#tryRun(cache, group)));
    }
    return results;
  }

  async #tryRun(cache: KeyValueCache, inputs: readonly ContextInput[]): Promise<StepResult[]> {
    try {
      return (await this.#run(cache, inputs)).map((outputs) => ({ outputs }));
    } catch (failure) {
      if (inputs.length === 1) return [{ failure }];
      const alone: StepResult[] = [];
      for (const input of inputs) alone.push(...(await this.#tryRun(cache, [input])));
      return alone;
    }
  }

  /** Splits inputs into runs of the graph, as its layout of the past allows. Order is kept. */
  #groups(cache: KeyValueCache, inputs: readonly ContextInput[]): ContextInput[][] {
    const { pastLayout } = this.#graph;
    const groups: ContextInput[][] = [];
    for (const input of inputs) {
      const group = groups.at(-1);
      const last = group?.at(-1);
      const length = (other: ContextInput) => other.positions[0]!.length;
      const past = (other: ContextInput) => cache.lengths[other.slot];
      const joins =
        last !== undefined &&
        input.slot === last.slot + 1 &&
        (pastLayout === "masked" ||
          (pastLayout === "counted" && length(input) === 1 && length(last) === 1) ||
          (pastLayout === "exact" && length(input) === length(last) && past(input) === past(last)));
      if (joins) group!.push(input);
      else groups.push([input]);
    }
    return groups;
  }

  async #run(cache: KeyValueCache, inputs: readonly ContextInput[]): Promise<StepOutputs[]> {
    const longest = Math.max(...inputs.map(({ slot }) => cache.lengths[slot]!));
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
        ...this.#editFeeds(cache, step),
        ...this.#tokenFeeds(cache, step),
        ...this.#pastFeeds(cache, step),
      });
    } catch (cause) {
      throw new InferenceError(`the decoder failed: ${(cause as Error).message}`, { cause });
    }
    const logits = lastLogits(outputs.logits, inputs.length);
    this.#store(cache, step, outputs);
    return logits.map((row, i) => ({ logits: row, ...this.#readings(outputs, i) }));
  }

  #editFeeds(cache: KeyValueCache, { inputs, steps, pastRows }: Step): Tensors {
    if (this.#edits.length === 0) return {};
    const rows = inputs.map(({ slot, strengths, images, positions }) => ({
      strengths,
      images,
      pastLength: cache.lengths[slot]!,
      newLength: positions[0]!.length,
    }));
    return editFeeds(this.#runtime, this.#graph.session, this.#edits, { rows, steps, pastRows });
  }

  /** What the edits read out of one row of a run. */
  #readings(outputs: Tensors, row: number): Pick<StepOutputs, "readings"> {
    const names = this.#edits.flatMap((edit) => edit.outputs ?? []);
    if (names.length === 0) return {};
    const readings = names.map((name): [string, Float32Array] => {
      const output = outputs[name]!;
      const size = output.size / output.dims[0]!;
      return [name, float32(output, `the decoder's ${name}`, row * size, (row + 1) * size)];
    });
    return { readings: Object.fromEntries(readings) };
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
      inputs_embeds: inputTensor(this.#runtime, this.#graph.session, "inputs_embeds", {
        data: embeddings,
        dims: [batch, steps, hidden],
      }),
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
    const totals = inputs.map(({ slot, positions }) => cache.lengths[slot]! + positions[0]!.length);
    const width = isCounted ? Math.max(...totals) : pastRows + steps;
    const mask = new BigInt64Array(inputs.length * width);
    inputs.forEach(({ slot, positions }, i) => {
      const row = mask.subarray(i * width, (i + 1) * width);
      if (isCounted) row.fill(1n, 0, totals[i]);
      else row.fill(1n, 0, cache.lengths[slot]).fill(1n, width - positions[0]!.length);
    });
    return new this.#runtime.Tensor("int64", mask, [inputs.length, width]);
  }

  #pastFeeds(cache: KeyValueCache, { inputs, pastRows }: Step): Tensors {
    const { session, pastLayout } = this.#graph;
    const slots = inputs.map(({ slot }) => slot);
    const feeds: Tensors = {};
    cache.geometry.layers.forEach(({ heads, headSize }, layer) => {
      const dims = [inputs.length, heads, pastRows, headSize];
      for (const kind of ["key", "value"] as const) {
        const name = `past_key_values.${layer}.${kind}`;
        if (!session.inputNames.includes(name)) continue;
        let data: CacheArray;
        if (pastRows === 0) data = new cache.geometry.ArrayType(0);
        else if (pastLayout === "exact" && pastRows !== cache.capacity)
          data = cache.compact(kind, layer, slots, pastRows);
        else data = cache.view(kind, layer, slots[0]!, slots.length);
        feeds[name] = cacheTensor(this.#runtime, data, dims);
      }
    });
    return feeds;
  }

  /** Writes the rows that a run added to the cache. */
  #store(cache: KeyValueCache, step: Step, outputs: Tensors): void {
    const { returnsNewRows, pastLayout } = this.#graph;
    const name = returnsNewRows ? "new" : "present";
    cache.geometry.layers.forEach((_, layer) => {
      for (const kind of ["key", "value"] as const) {
        const output = outputs[`${name}.${layer}.${kind}`]!;
        const source = cacheArray(output);
        const sourceRows = output.dims[2]!;
        step.inputs.forEach(({ slot, positions }, batchIndex) => {
          const count = positions[0]!.length;
          const past = pastLayout === "counted" ? cache.lengths[slot]! : step.pastRows;
          const firstRow = (returnsNewRows ? 0 : past) + step.steps - count;
          cache.write(kind, layer, slot, count, { source, sourceRows, firstRow, batchIndex });
        });
      }
    });
    for (const { slot, positions } of step.inputs) cache.advance(slot, positions[0]!.length);
  }
}
