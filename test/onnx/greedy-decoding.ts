import * as ort from "onnxruntime-node";
import { SeededRandom } from "../../src/math/seeded-random.js";
import type { CacheDelta } from "../../src/onnx/edits/cache-delta.js";
import type { OnnxModel } from "../../src/onnx/graph-model.js";
import { writeModel } from "../../src/onnx/write-model.js";

/** One greedy run: the tokens of each row and the last-position logits [B, V] of each step. */
export interface GreedyRun {
  readonly tokens: number[][];
  readonly logits: Float32Array[];
}

export interface DecoderShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly width: number;
  readonly vocabulary: number;
}

export type Feeds = Record<string, ort.Tensor>;

/** Where a run's tokens are: those each row holds, the new ones, and the columns of attention. */
export interface FedRun {
  readonly past: readonly number[];
  readonly steps: number;
  readonly columns: number;
  /** Of each row's first new token. */
  readonly newColumns: readonly number[];
}

/** What an edited graph is fed besides, and a look at the outputs of each run. */
export interface EditedRuns {
  feeds?(run: FedRun): Feeds;
  seen?(outputs: ort.InferenceSession.OnnxValueMapType): void;
}

export function openModel(model: OnnxModel): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(writeModel(model), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
}

export const int64 = (values: number[], dims: number[]): ort.Tensor =>
  new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims);

export const repeated = (value: number, count: number): number[] => Array(count).fill(value);

export const upTo = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

/** Rows of a fixed random embedding table, [B, S, W]. */
export function embed(
  ids: readonly (readonly number[])[],
  { width, vocabulary }: Pick<DecoderShape, "width" | "vocabulary">,
): ort.Tensor {
  const table = new SeededRandom(7).gaussians(vocabulary * width);
  const rows = ids.flat().map((id) => table.subarray(id * width, (id + 1) * width));
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    data.set(row, i * width);
  });
  return new ort.Tensor("float32", data, [ids.length, ids[0]?.length ?? 0, width]);
}

function argMaxRows(logits: Float32Array, vocabulary: number): number[] {
  return Array.from({ length: logits.length / vocabulary }, (_, b) => {
    const row = logits.subarray(b * vocabulary, (b + 1) * vocabulary);
    return row.indexOf(Math.max(...row));
  });
}

/** The usual loop: the whole present is returned and fed back. All prompts have one length. */
export async function decodeStock(
  session: ort.InferenceSession,
  prompts: number[][],
  shape: DecoderShape,
  steps: number,
  edited: EditedRuns = {},
): Promise<GreedyRun> {
  const batch = prompts.length;
  const run: GreedyRun = { tokens: prompts.map(() => []), logits: [] };
  const empty = () => new ort.Tensor("float32", [], [batch, shape.kvHeads, 0, shape.headWidth]);
  let past: Feeds = Object.fromEntries(
    cacheNames(shape).map((name) => [`past_key_values.${name}`, empty()]),
  );
  let ids = prompts;
  let filled = 0;
  for (let step = 0; step < steps; step++) {
    const count = ids[0]?.length ?? 0;
    const result = await session.run({
      ...stepFeeds(session, ids, shape, repeated(filled, batch)),
      attention_mask: int64(repeated(1, batch * (filled + count)), [batch, filled + count]),
      ...past,
      ...edited.feeds?.({
        past: repeated(filled, batch),
        steps: count,
        columns: filled + count,
        newColumns: repeated(filled, batch),
      }),
    });
    edited.seen?.(result);
    filled += count;
    ids = record(run, result.logits, shape);
    past = Object.fromEntries(
      cacheNames(shape).map((name) => [
        `past_key_values.${name}`,
        result[`present.${name}`] as ort.Tensor,
      ]),
    );
  }
  return run;
}

/**
 * The loop a patched decoder is made for: a cache of fixed capacity grown by blocks, into which new rows are written
 * in place. `prompts` may differ in length unless the layout is exact.
 */
export async function decodeDelta(
  session: ort.InferenceSession,
  delta: CacheDelta,
  prompts: number[][],
  shape: DecoderShape,
  steps: number,
  block: number,
  edited: EditedRuns = {},
): Promise<GreedyRun> {
  const batch = prompts.length;
  const run: GreedyRun = { tokens: prompts.map(() => []), logits: [] };
  const filled = repeated(0, batch);
  let valid = prompts.map((prompt) => prompt.length);
  const width = Math.max(...valid);
  let ids = prompts.map((prompt) => [...prompt, ...repeated(0, width - prompt.length)]);
  let cache: Map<string, Float32Array> = new Map(
    cacheNames(shape).map((name) => [name, new Float32Array(0)]),
  );
  let capacity = 0;
  for (let step = 0; step < steps; step++) {
    const count = ids[0]?.length ?? 0;
    const dims = [batch, shape.kvHeads, capacity, shape.headWidth];
    const past = [...cache].map(([name, data]) => [
      `past_key_values.${name}`,
      new ort.Tensor("float32", data, dims),
    ]);
    const mask =
      delta.pastLayout === "masked"
        ? maskSlots(filled, valid, capacity, count)
        : maskCounts(filled, valid);
    const result = await session.run({
      ...stepFeeds(session, ids, shape, filled, valid),
      attention_mask: int64(mask.flat(), [batch, mask[0]?.length ?? 0]),
      ...Object.fromEntries(past),
      ...edited.feeds?.({
        past: filled,
        steps: count,
        columns: mask[0]!.length,
        newColumns: delta.pastLayout === "masked" ? repeated(capacity, batch) : [...filled],
      }),
    });
    edited.seen?.(result);
    const needed = Math.ceil((Math.max(...filled) + count) / block) * block;
    if (needed > capacity) {
      cache = new Map(
        [...cache].map(([name, data]) => [
          name,
          grow(data, batch * shape.kvHeads, capacity, needed, shape.headWidth),
        ]),
      );
      capacity = needed;
    }
    for (const [name, data] of cache) {
      const rows = result[`new.${name}`]?.data as Float32Array;
      append(data, rows, { ...shape, capacity, count, filled, valid });
    }
    filled.forEach((n, b) => {
      filled[b] = n + (valid[b] ?? 0);
    });
    ids = record(run, result.logits, shape, valid);
    valid = repeated(1, batch);
  }
  return run;
}

function cacheNames(shape: DecoderShape): string[] {
  return upTo(shape.layers).flatMap((layer) => [`${layer}.key`, `${layer}.value`]);
}

function stepFeeds(
  session: ort.InferenceSession,
  ids: number[][],
  shape: DecoderShape,
  filled: number[],
  valid?: number[],
): Feeds {
  const count = ids[0]?.length ?? 0;
  const unequal = valid?.some((n) => n < count) ?? false;
  const feeds: Feeds = {
    inputs_embeds: embed(ids, shape),
    num_logits_to_keep: int64([unequal ? 0 : 1], []),
  };
  if (session.inputNames.includes("position_ids")) {
    feeds.position_ids = int64(
      filled.flatMap((n) => upTo(count, n)),
      [ids.length, count],
    );
  }
  return feeds;
}

/** One element per slot: filled slots of the past, then the new tokens that are no padding. */
function maskSlots(filled: number[], valid: number[], capacity: number, count: number): number[][] {
  return filled.map((n, b) => [
    ...upTo(capacity).map((slot) => (slot < n ? 1 : 0)),
    ...upTo(count).map((s) => (s < (valid[b] ?? 0) ? 1 : 0)),
  ]);
}

/** Ones first, as many as the row holds tokens. */
function maskCounts(filled: number[], valid: number[]): number[][] {
  const totals = filled.map((n, b) => n + (valid[b] ?? 0));
  return totals.map((n) => upTo(Math.max(...totals)).map((slot) => (slot < n ? 1 : 0)));
}

function grow(
  data: Float32Array,
  blocks: number,
  from: number,
  to: number,
  width: number,
): Float32Array {
  const grown = new Float32Array(blocks * to * width);
  for (let i = 0; i < blocks; i++)
    grown.set(data.subarray(i * from * width, (i + 1) * from * width), i * to * width);
  return grown;
}

interface Append {
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly capacity: number;
  readonly count: number;
  readonly filled: number[];
  readonly valid: number[];
}

function append(cache: Float32Array, rows: Float32Array, at: Append): void {
  at.filled.forEach((n, b) => {
    for (let h = 0; h < at.kvHeads; h++) {
      const block = b * at.kvHeads + h;
      const start = block * at.count * at.headWidth;
      const kept = rows.subarray(start, start + (at.valid[b] ?? 0) * at.headWidth);
      cache.set(kept, (block * at.capacity + n) * at.headWidth);
    }
  });
}

/** Notes the logits at each row's last true position and the greedy tokens; returns the next ids. */
function record(
  run: GreedyRun,
  logits: ort.Tensor | undefined,
  shape: DecoderShape,
  valid?: number[],
): number[][] {
  const data = logits?.data as Float32Array;
  const [batch = 0, positions = 0] = logits?.dims ?? [];
  const { vocabulary } = shape;
  const last = new Float32Array(batch * vocabulary);
  for (let b = 0; b < batch; b++) {
    const position = Math.min(valid?.[b] ?? positions, positions) - 1;
    const start = (b * positions + position) * vocabulary;
    last.set(data.subarray(start, start + vocabulary), b * vocabulary);
  }
  run.logits.push(last);
  return argMaxRows(last, vocabulary).map((token, b) => {
    run.tokens[b]?.push(token);
    return [token];
  });
}

/** Largest absolute difference of two lists of rows; NaN where a value of the first has none in the second. */
export function largestGap(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return Math.max(
    ...a.map((row, i) => Math.max(...row.map((x, j) => Math.abs(x - (b[i]?.[j] ?? Number.NaN))))),
  );
}
