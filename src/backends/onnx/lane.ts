import type { StepResult } from "../../engine/backend.js";
import type { StepOutputs } from "../../engine/step.js";
import type { GraphEdit } from "../../onnx/edits/graph-edit.js";
import { type ContextInput, DecoderRunner } from "./decoder.js";
import { type CacheGeometry, DecoderCache } from "./decoder-cache.js";
import { runsOf } from "./embeddings.js";
import type { DecoderGraph } from "./graphs.js";
import type { OnnxPrompt } from "./prompt.js";
import type { Runtime } from "./runtime.js";
import type { TokenInputs } from "./token-inputs.js";

/** A live context: a slot of a lane's cache. */
export interface OnnxContext {
  readonly lane: Lane;
  readonly prompt: OnnxPrompt;
  slot: number;
  /** Position of its next token. */
  next: number;
}

/** The live contexts whose decoder has the same edits: they share a graph, a cache and its runs. */
export class Lane {
  readonly key: string;
  readonly cache: DecoderCache;
  readonly runner: DecoderRunner;
  readonly #contexts: OnnxContext[] = [];

  constructor(
    key: string,
    runtime: Runtime,
    graph: DecoderGraph,
    geometry: CacheGeometry,
    edits: readonly GraphEdit[],
  ) {
    this.key = key;
    this.cache = new DecoderCache(geometry);
    this.runner = new DecoderRunner(runtime, graph, edits);
  }

  get isEmpty(): boolean {
    return this.#contexts.length === 0;
  }

  /** Adds an empty context for each prompt, with room for the longest of them. */
  add(
    prompts: readonly { readonly prompt: OnnxPrompt; readonly maxTokens: number }[],
  ): OnnxContext[] {
    const lengths = prompts.map(({ prompt }) => prompt.tokens.length);
    const limits = prompts.map(({ maxTokens }, i) => lengths[i]! + maxTokens);
    const first = this.cache.add(limits, Math.max(...lengths));
    const contexts = prompts.map(({ prompt }, i) => ({
      lane: this,
      prompt,
      slot: first + i,
      next: prompt.positions.next,
    }));
    this.#contexts.push(...contexts);
    return contexts;
  }

  /** Removes a context; the last one takes its slot. */
  close(context: OnnxContext): void {
    const { slot } = context;
    if (this.#contexts[slot] !== context) return;
    this.cache.remove(slot);
    const last = this.#contexts.pop()!;
    if (last !== context) this.#contexts[slot] = last;
    last.slot = slot;
  }

  /** Appends tokens to a context in one run, if its graph allows that (see {@link DecoderRunner.extendThrough}). */
  async extendThrough(
    context: OnnxContext,
    tokens: TokenInputs,
    count: number,
  ): Promise<StepOutputs[] | undefined> {
    const numbers = Int32Array.from({ length: count }, (_, i) => context.next + i);
    const outputs = await this.runner.extendThrough(this.cache, {
      ...inputOf(context),
      tokens,
      positions: context.prompt.positions.planes.map(() => numbers),
    });
    if (outputs !== undefined) context.next += count;
    return outputs;
  }

  /** Appends one token to each of some contexts, given by ascending slot. */
  async extendByToken(
    steps: readonly { readonly context: OnnxContext; readonly tokens: TokenInputs }[],
  ): Promise<StepResult[]> {
    const results = await this.runner.extend(
      this.cache,
      steps.map(({ context, tokens }) => ({
        ...inputOf(context),
        tokens,
        positions: context.prompt.positions.planes.map(() => Int32Array.of(context.next)),
      })),
    );
    for (const { context } of steps) context.next++;
    return results;
  }
}

/** What the decoder must know of a context at every run. */
export function inputOf({
  slot,
  prompt,
}: Pick<OnnxContext, "slot" | "prompt">): Pick<
  ContextInput,
  "slot" | "active" | "images" | "promptLength"
> {
  const { edits, images, tokens } = prompt;
  return {
    slot,
    active: edits.active,
    images: images.flatMap(({ span }) => runsOf(span)),
    promptLength: tokens.length,
  };
}
