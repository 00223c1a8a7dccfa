import type { Tensor } from "onnxruntime-common";
import type { StepResult } from "../../engine/backend.js";
import type { StepOutputs } from "../../engine/step.js";
import { InferenceError, ModelLoadError } from "../../errors.js";
import type { GraphEdit } from "../../onnx/edits/graph-edit.js";
import type { CacheArray } from "./cache-array.js";
import type { DecoderCache } from "./decoder-cache.js";
import { allLogits, cacheArray, lastLogits } from "./decoder-tensors.js";
import { type EditSet, editFeeds, editReadings, type FedRun } from "./edit-feeds.js";
import { cacheTensor } from "./float-tensors.js";
import type { CheckpointGraphs, DecoderGraph } from "./graphs.js";
import type { Runtime, Tensors } from "./runtime.js";
import { type NewTokens, tokenFeeds } from "./token-feeds.js";
import { tokenInputNames } from "./token-inputs.js";

/** Tokens to append to one context. */
export interface ContextInput extends NewTokens {
  /** Slot of the context in the cache. */
  readonly slot: number;
  /** How each edit of the graph is switched on. */
  readonly active: EditSet["active"];
  /** Spans of image tokens in the whole context. */
  readonly images: readonly { readonly start: number; readonly end: number }[];
  /** Tokens of the context's prompt. */
  readonly promptLength: number;
}

interface Step {
  readonly inputs: readonly ContextInput[];
  /** New tokens S of the longest input; shorter ones are padded on the left. */
  readonly steps: number;
  /** Rows per head of the past as fed. */
  readonly pastRows: number;
  /** Columns of attention, and for each input the one of its first new token. */
  readonly columns: number;
  readonly newColumns: readonly number[];
}

const KNOWN_INPUT =
  /^(inputs_embeds|attention_mask|position_ids|num_logits_to_keep|use_cache_branch|past_key_values\.\d+\.(key|value)|past_(conv|recurrent)\.\d+)$/;

/**
 * Refuses a decoder whose inputs this backend cannot feed.
 *
 * @throws ModelLoadError naming the inputs
 */
export function checkDecoder(graphs: Pick<CheckpointGraphs, "embed" | "decoder">): void {
  const { session, feeds } = graphs.decoder;
  const embedded = tokenInputNames(graphs).map(([name]) => name);
  const known = new Set([...Object.keys(feeds), ...embedded]);
  const unknown = session.inputNames.filter((name) => !KNOWN_INPUT.test(name) && !known.has(name));
  if (unknown.length === 0) return;
  throw new ModelLoadError(
    `decoder: its inputs include ${unknown.join(", ")}, which this engine cannot feed; export the decoder with inputs_embeds, attention_mask, position_ids, past_key_values, past_conv and past_recurrent, and what else it takes of each token as an output of embed_tokens of the same name`,
  );
}

/** Runs a decoder graph over contexts of a cache: appends tokens and returns the outputs after each context's last one. */
export class DecoderRunner {
  readonly #runtime: Runtime;
  readonly #graph: DecoderGraph;
  readonly #edits: readonly GraphEdit[];

  /** @param edits what the graph was patched with; each input tells how they are switched on */
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
  async extend(cache: DecoderCache, inputs: readonly ContextInput[]): Promise<StepResult[]> {
    cache.reserve(
      Math.max(...inputs.map(({ slot, positions }) => cache.lengths[slot]! + positions[0]!.length)),
    );
    const results: StepResult[] = [];
    for (const group of this.#groups(cache, inputs)) {
      results.push(...(await this.#tryRun(cache, group)));
    }
    return results;
  }

  async #tryRun(cache: DecoderCache, inputs: readonly ContextInput[]): Promise<StepResult[]> {
    try {
      return (await this.#run(cache, inputs)).map((outputs) => ({ outputs }));
    } catch (failure) {
      if (inputs.length === 1) return [{ failure }];
      const alone: StepResult[] = [];
      for (const input of inputs) alone.push(...(await this.#tryRun(cache, [input])));
      return alone;
    }
  }

  /**
   * Splits inputs into runs of the graph, as its layout of the past allows. Order is kept.
   *
   * Inputs of unequal length are padded only where there are no states of fixed size: those would take the padding in.
   */
  #groups(cache: DecoderCache, inputs: readonly ContextInput[]): ContextInput[][] {
    const { pastLayout } = this.#graph;
    const hasStates = cache.geometry.states.length > 0;
    const groups: ContextInput[][] = [];
    for (const input of inputs) {
      const group = groups.at(-1);
      const last = group?.at(-1);
      const length = (other: ContextInput) => other.positions[0]!.length;
      const past = (other: ContextInput) => cache.lengths[other.slot];
      const joins =
        last !== undefined &&
        input.slot === last.slot + 1 &&
        (!hasStates || length(input) === length(last)) &&
        (pastLayout === "masked" ||
          (pastLayout === "counted" && length(input) === 1 && length(last) === 1) ||
          (pastLayout === "exact" && length(input) === length(last) && past(input) === past(last)));
      if (joins) group!.push(input);
      else groups.push([input]);
    }
    return groups;
  }

  /**
   * Appends tokens to one context in one run.
   *
   * @returns the outputs behind each of them; undefined, with nothing appended, where the graph gives only the last one's
   */
  async extendThrough(
    cache: DecoderCache,
    input: ContextInput,
  ): Promise<StepOutputs[] | undefined> {
    if (this.#edits.some(({ outputs = [] }) => outputs.length > 0)) return undefined;
    const count = input.positions[0]!.length;
    cache.reserve(cache.lengths[input.slot]! + count);
    const step = this.#stepOf(cache, [input]);
    const outputs = await this.#outputsOf(cache, step, count);
    const logits = allLogits(outputs.logits, count);
    if (logits !== undefined) this.#store(cache, step, outputs);
    return logits?.map((row) => ({ logits: row }));
  }

  async #outputsOf(cache: DecoderCache, step: Step, kept: number): Promise<Tensors> {
    const { session, feeds } = this.#graph;
    try {
      return await session.run({
        ...feeds,
        ...editFeeds(this.#runtime, session, this.#edits, fedRun(cache, step)),
        ...tokenFeeds(this.#runtime, session, step.inputs, step.pastRows > 0, kept),
        attention_mask: this.#mask(cache, step),
        ...this.#pastFeeds(cache, step),
      });
    } catch (cause) {
      throw new InferenceError(`the decoder failed: ${(cause as Error).message}`, { cause });
    }
  }

  async #run(cache: DecoderCache, inputs: readonly ContextInput[]): Promise<StepOutputs[]> {
    const step = this.#stepOf(cache, inputs);
    const run = fedRun(cache, step);
    const outputs = await this.#outputsOf(cache, step, 1);
    const logits = lastLogits(outputs.logits, inputs.length);
    this.#store(cache, step, outputs);
    return logits.map((row, i) => ({
      logits: row,
      ...editReadings(outputs, this.#edits, run, i),
    }));
  }

  #stepOf(cache: DecoderCache, inputs: readonly ContextInput[]): Step {
    const { pastLayout } = this.#graph;
    const past = inputs.map(({ slot }) => cache.lengths[slot]!);
    const fresh = inputs.map(({ positions }) => positions[0]!.length);
    const [longest, steps] = [Math.max(...past), Math.max(...fresh)];
    const pastRows = pastLayout === "exact" || longest === 0 ? longest : cache.capacity;
    if (pastLayout === "counted") {
      const columns = Math.max(...past.map((length, i) => length + fresh[i]!));
      return { inputs, steps, pastRows, columns, newColumns: past };
    }
    const columns = pastRows + steps;
    return { inputs, steps, pastRows, columns, newColumns: fresh.map((count) => columns - count) };
  }

  /** One per column of attention: ones for the past that is filled and for new tokens, else zeros. */
  #mask(cache: DecoderCache, { inputs, columns, newColumns }: Step): Tensor {
    const mask = new BigInt64Array(inputs.length * columns);
    inputs.forEach(({ slot, positions }, i) => {
      const row = mask.subarray(i * columns, (i + 1) * columns);
      const from = newColumns[i]!;
      row.fill(1n, 0, cache.lengths[slot]).fill(1n, from, from + positions[0]!.length);
    });
    return new this.#runtime.Tensor("int64", mask, [inputs.length, columns]);
  }

  #pastFeeds(cache: DecoderCache, { inputs, pastRows }: Step): Tensors {
    const { session, pastLayout } = this.#graph;
    const slots = inputs.map(({ slot }) => slot);
    const feeds: Tensors = {};
    cache.geometry.layers.forEach(({ layer: number, heads, headSize }, layer) => {
      const dims = [inputs.length, heads, pastRows, headSize];
      for (const kind of ["key", "value"] as const) {
        const name = `past_key_values.${number}.${kind}`;
        if (!session.inputNames.includes(name)) continue;
        let data: CacheArray;
        if (pastRows === 0) data = new cache.geometry.ArrayType(0);
        else if (pastLayout === "exact" && pastRows !== cache.capacity)
          data = cache.compact(kind, layer, slots, pastRows);
        else data = cache.view(kind, layer, slots[0]!, slots.length);
        feeds[name] = cacheTensor(this.#runtime, data, dims);
      }
    });
    cache.geometry.states.forEach(({ name, dims }, state) => {
      const data = cache.states.view(state, slots[0]!, slots.length);
      feeds[`past_${name}`] = cacheTensor(this.#runtime, data, [slots.length, ...dims]);
    });
    return feeds;
  }

  /** Writes the rows that a run added to the cache, and the states that it replaced. */
  #store(cache: DecoderCache, step: Step, outputs: Tensors): void {
    const { returnsNewRows, pastLayout } = this.#graph;
    const name = returnsNewRows ? "new" : "present";
    cache.geometry.layers.forEach(({ layer: number }, layer) => {
      for (const kind of ["key", "value"] as const) {
        const output = outputs[`${name}.${number}.${kind}`]!;
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
    cache.geometry.states.forEach((state, i) => {
      const source = cacheArray(outputs[`present_${state.name}`]!);
      step.inputs.forEach(({ slot }, batchIndex) => {
        cache.states.write(i, slot, source, batchIndex);
      });
    });
    for (const { slot, positions } of step.inputs) cache.advance(slot, positions[0]!.length);
  }
}

/** A run as its edits see it. */
function fedRun(cache: DecoderCache, { inputs, steps, columns, newColumns }: Step): FedRun {
  const rows = inputs.map(({ slot, active, images, promptLength, positions }, i) => ({
    active,
    images,
    promptLength,
    pastLength: cache.lengths[slot]!,
    newLength: positions[0]!.length,
    newColumn: newColumns[i]!,
  }));
  return { rows, steps, columns };
}
