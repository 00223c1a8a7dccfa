import type { BoundedCache } from "./bounded-cache.js";
import type { Decoder } from "./decoder.js";
import { type CachedPrefix, KeyValueCache } from "./key-value-cache.js";
import type { ModelParts } from "./model-parts.js";
import { embedPrompt, embedTokens, type Prompt } from "./prompt.js";
import type { Sequence } from "./sequence.js";

/** What decoding runs on. */
export interface DecodingMachinery {
  readonly parts: ModelParts;
  readonly decoder: Decoder;
  /** Shared beginnings of prompts, by their key. */
  readonly prefixes: BoundedCache<CachedPrefix>;
}

/** A stream of a sequence with its place in the cache. */
interface Context {
  readonly sequence: Sequence;
  readonly prompt: Prompt;
}

/**
 * Decodes several answers at once, all their streams in one batch, until each is done or has failed.
 * An error in the graphs fails all of them; an error of one answer (abort, NaN) only that one.
 */
export async function decodeTogether(
  machinery: DecodingMachinery,
  sequences: readonly Sequence[],
): Promise<void> {
  let contexts = contextsOf(sequences.filter((sequence) => isRunning(sequence)));
  if (contexts.length === 0) return;
  const prefixes = await prefill(machinery, contexts);
  const cache = branch(machinery, contexts, prefixes);
  let logits = await extendPrompts(machinery, cache, contexts);
  const start = performance.now();
  for (const sequence of sequences) sequence.firstLogitsAt = start;
  while (contexts.length > 0) {
    for (const [sequence, rows] of bySequence(contexts, logits)) advance(sequence, rows);
    contexts = dropFinished(cache, contexts);
    if (contexts.length > 0) logits = await extendByToken(machinery, cache, contexts);
  }
}

/** Process, sample, commit: one token of one answer. */
function advance(sequence: Sequence, logits: readonly Float32Array[]): void {
  try {
    const scores = sequence.process(logits);
    const token = sequence.sample(scores);
    sequence.commit(token, scores);
  } catch (error) {
    sequence.fail(error);
  }
  if (isRunning(sequence)) return;
  sequence.endedAt = performance.now();
}

function isRunning(sequence: Sequence): boolean {
  if (!sequence.isDone) sequence.checkAborted();
  return !sequence.isDone;
}

/** Prefill: runs the part of each prompt that others share (up to the end of the image) once. */
async function prefill(
  { parts, decoder, prefixes }: DecodingMachinery,
  contexts: readonly Context[],
): Promise<Map<string, CachedPrefix>> {
  const needed = new Map<string, CachedPrefix>();
  for (const { prompt } of contexts) {
    const { prefixKey, prefixLength } = prompt;
    if (prefixLength === 0 || needed.has(prefixKey)) continue;
    let prefix = prefixes.get(prefixKey);
    if (prefix === undefined) {
      const cache = new KeyValueCache(decoder.geometry, 1, prefixLength);
      await decoder.extend(cache, [await promptInput(parts, prompt, 0, 0, prefixLength)]);
      prefix = cache.prefix(0, prefixLength);
      prefixes.set(prefixKey, prefix, cache.bytes);
    }
    needed.set(prefixKey, prefix);
  }
  return needed;
}

/** Branch: gives each stream its own context, starting from its prefix. */
function branch(
  { decoder }: DecodingMachinery,
  contexts: readonly Context[],
  prefixes: ReadonlyMap<string, CachedPrefix>,
): KeyValueCache {
  const longest = Math.max(...contexts.map(({ prompt }) => prompt.tokens.length));
  const answer = Math.max(...contexts.map(({ sequence }) => sequence.maxTokens));
  const cache = new KeyValueCache(
    decoder.geometry,
    contexts.length,
    longest + Math.min(answer, 32),
  );
  contexts.forEach(({ prompt }, i) => {
    const prefix = prefixes.get(prompt.prefixKey);
    if (prefix !== undefined) cache.load(i, prefix);
  });
  return cache;
}

/** Runs what follows each prompt's prefix; returns each context's logits for the first token. */
async function extendPrompts(
  { parts, decoder }: DecodingMachinery,
  cache: KeyValueCache,
  contexts: readonly Context[],
): Promise<Float32Array[]> {
  const inputs = await Promise.all(
    contexts.map(({ prompt }, i) =>
      promptInput(parts, prompt, i, cache.lengths[i]!, prompt.tokens.length),
    ),
  );
  return decoder.extend(cache, inputs);
}

async function promptInput(
  parts: ModelParts,
  prompt: Prompt,
  context: number,
  start: number,
  end: number,
): Promise<Parameters<Decoder["extend"]>[1][number]> {
  return {
    context,
    embeddings: await embedPrompt(parts, prompt, start, end),
    positions: prompt.positions.planes.map((plane) => plane.subarray(start, end)),
  };
}

/** Appends each answer's last token to all of its contexts; returns the logits for the next. */
async function extendByToken(
  { parts, decoder }: DecodingMachinery,
  cache: KeyValueCache,
  contexts: readonly Context[],
): Promise<Float32Array[]> {
  const embeddings = await embedTokens(
    parts,
    contexts.map(({ sequence }) => sequence.tokens.at(-1)!.id),
  );
  const hidden = embeddings.length / contexts.length;
  return decoder.extend(
    cache,
    contexts.map(({ sequence, prompt }, i) => {
      const position = prompt.positions.next + sequence.tokens.length - 1;
      return {
        context: i,
        embeddings: embeddings.subarray(i * hidden, (i + 1) * hidden),
        positions: prompt.positions.planes.map(() => Int32Array.of(position)),
      };
    }),
  );
}

function contextsOf(sequences: readonly Sequence[]): Context[] {
  return sequences.flatMap((sequence) => sequence.prompts.map((prompt) => ({ sequence, prompt })));
}

function dropFinished(cache: KeyValueCache, contexts: Context[]): Context[] {
  const kept = [...contexts.keys()].filter((i) => !contexts[i]!.sequence.isDone);
  if (kept.length === contexts.length) return contexts;
  if (kept.length > 0) cache.keep(kept);
  return kept.map((i) => contexts[i]!);
}

/** The logits of each sequence's streams, in order. */
function bySequence(
  contexts: readonly Context[],
  logits: readonly Float32Array[],
): Map<Sequence, Float32Array[]> {
  const groups = new Map<Sequence, Float32Array[]>();
  contexts.forEach(({ sequence }, i) => {
    const rows = groups.get(sequence);
    if (rows === undefined) groups.set(sequence, [logits[i]!]);
    else rows.push(logits[i]!);
  });
  return groups;
}
