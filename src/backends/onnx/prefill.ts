import type { OpenResult, StepResult } from "../../engine/backend.js";
import type { BoundedCache } from "../../engine/bounded-cache.js";
import type { ContextInput } from "./decoder.js";
import { type CachedPrefix, DecoderCache } from "./decoder-cache.js";
import { embedPrompt } from "./embeddings.js";
import { inputOf, type Lane, type OnnxContext } from "./lane.js";
import type { OnnxParts } from "./parts.js";
import type { OnnxPrompt } from "./prompt.js";

/**
 * Opens a context for each prompt: beginnings that others share are computed once, by content, and each prompt's own
 * rest in one batch.
 *
 * A prompt is always computed in the same pieces, whether they come from the cache or not, so that an answer depends on
 * what was asked before by no more than the rounding that another size of the buffers brings.
 */
export async function prefill(
  parts: OnnxParts,
  lane: Lane,
  cache: BoundedCache<CachedPrefix>,
  prompts: readonly { readonly prompt: OnnxPrompt; readonly maxTokens: number }[],
): Promise<OpenResult[]> {
  const results: OpenResult[] = [];
  // Beginnings that this call needs, whatever the cache keeps of them.
  const needed = new Map<string, CachedPrefix>();
  const ready: number[] = [];
  for (const [i, { prompt }] of prompts.entries()) {
    try {
      await computePrefixes(parts, lane, cache, needed, prompt);
      ready.push(i);
    } catch (failure) {
      results[i] = { failure };
    }
  }
  if (ready.length === 0) return results;
  const opened = await openContexts(
    parts,
    lane,
    needed,
    ready.map((i) => prompts[i]!),
  ).catch((failure: unknown) => ready.map((): OpenResult => ({ failure })));
  ready.forEach((i, k) => {
    const result = opened[k]!;
    results[i] = result;
    if ("context" in result) keepWhole(lane, cache, result.context as OnnxContext);
  });
  return results;
}

/** Gives each prompt a context that begins with its prefix, and runs the rest. On a failure as a whole none is left. */
async function openContexts(
  parts: OnnxParts,
  lane: Lane,
  prefixes: ReadonlyMap<string, CachedPrefix>,
  prompts: readonly { readonly prompt: OnnxPrompt; readonly maxTokens: number }[],
): Promise<OpenResult[]> {
  const contexts = lane.add(prompts);
  try {
    for (const { prompt, slot } of contexts) {
      const prefix = prefixes.get(prompt.prefixes.at(-1)?.key ?? "");
      if (prefix !== undefined) lane.cache.load(slot, prefix);
    }
    const outputs = await extendByRest(parts, lane, contexts);
    return outputs.map((output, k): OpenResult => {
      if ("outputs" in output) return { context: contexts[k]!, outputs: output.outputs };
      lane.close(contexts[k]!);
      return output;
    });
  } catch (error) {
    for (const context of contexts) lane.close(context);
    throw error;
  }
}

/** Computes the prompt's beginnings one behind the other, from the longest that is known. */
async function computePrefixes(
  parts: OnnxParts,
  lane: Lane,
  cache: BoundedCache<CachedPrefix>,
  needed: Map<string, CachedPrefix>,
  prompt: OnnxPrompt,
): Promise<void> {
  const { prefixes } = prompt;
  const last = prefixes.at(-1);
  if (last === undefined) return;
  const known = prefixes.map(({ key }) => needed.get(key) ?? cache.get(key));
  const start = known.findLastIndex((prefix) => prefix !== undefined);
  if (start === prefixes.length - 1) {
    needed.set(last.key, known[start]!);
    return;
  }
  const alone = new DecoderCache(lane.cache.geometry);
  const slot = alone.add([last.length], last.length);
  if (start >= 0) alone.load(slot, known[start]!);
  for (const { length, key } of prefixes.slice(start + 1)) {
    const input = await promptInput(parts, { slot, prompt }, alone.lengths[slot]!, length);
    const [result] = await lane.runner.extend(alone, [input]);
    if ("failure" in result!) throw result.failure;
    // Of a long conversation's beginnings only those are copied that others may begin with.
    const isWanted = key === last.key || prompt.images.some(({ span }) => span.end === length);
    if (!isWanted) continue;
    const prefix = alone.prefix(slot, length);
    cache.set(key, prefix, prefix.bytes);
    if (key === last.key) needed.set(key, prefix);
  }
}

/** Runs what follows each prompt's beginning; what cannot be embedded harms no other. */
async function extendByRest(
  parts: OnnxParts,
  lane: Lane,
  contexts: readonly OnnxContext[],
): Promise<StepResult[]> {
  const inputs = await Promise.allSettled(
    contexts.map((context) =>
      promptInput(parts, context, lane.cache.lengths[context.slot]!, context.prompt.tokens.length),
    ),
  );
  const ready = inputs.flatMap((input) => (input.status === "fulfilled" ? [input.value] : []));
  const outputs = ready.length === 0 ? [] : await lane.runner.extend(lane.cache, ready);
  return inputs.map((input) =>
    input.status === "fulfilled" ? outputs.shift()! : { failure: input.reason },
  );
}

/** Keeps a whole prompt as the beginning of a conversation that may go on. */
function keepWhole(
  { cache: live }: Lane,
  cache: BoundedCache<CachedPrefix>,
  { prompt: { wholeKey, tokens }, slot }: OnnxContext,
): void {
  if (wholeKey === undefined || cache.get(wholeKey) !== undefined) return;
  const prefix = live.prefix(slot, tokens.length);
  cache.set(wholeKey, prefix, prefix.bytes);
}

async function promptInput(
  parts: OnnxParts,
  context: Pick<OnnxContext, "slot" | "prompt">,
  start: number,
  end: number,
): Promise<ContextInput> {
  const { prompt } = context;
  return {
    ...inputOf(context),
    tokens: await embedPrompt(parts, prompt, start, end),
    positions: prompt.positions.planes.map((plane) => plane.subarray(start, end)),
  };
}
