import type {
  Backend,
  BackendFacts,
  BackendOffers,
  Context,
  ContextStep,
  OpenedImage,
  OpenResult,
  Prompt,
  PromptToOpen,
  StepResult,
} from "../engine/backend.js";
import { refuseControlTokens } from "../engine/control-tokens.js";
import type { ImageSource } from "../engine/conversation.js";
import type { Stream } from "../engine/method.js";
import type { ModelInfo } from "../engine/model-info.js";
import type { Probe } from "../engine/probe.js";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../errors.js";
import { logSoftmax } from "../math/log-softmax.js";
import {
  END_TOKEN,
  type FakeImage,
  type FakeToken,
  fakeImage,
  fakeText,
  fakeTokens,
  IMAGE_TOKEN,
  VOCABULARY,
} from "./fake-tokens.js";

/** A prompt with the tokens that its context begins with. */
interface FakePrompt extends Prompt {
  readonly context: readonly FakeToken[];
}

/** What a fake backend is made of. */
export interface FakeBackendOptions {
  /** Logits (259) after a context: bytes 0 to 255, beginning, end and image token. */
  readonly logits: (context: readonly FakeToken[]) => Float32Array;
  readonly contextLength: number;
  /** Of all logits, how many an answer shows; all when undefined. */
  readonly best?: number | undefined;
}

/** A backend whose contexts are lists of tokens and whose decoder is a function: the smallest there can be. */
export class FakeBackend implements Backend {
  readonly info: ModelInfo;
  readonly facts: BackendFacts;
  readonly offers: BackendOffers;
  readonly #options: FakeBackendOptions;
  readonly #live = new Map<Context, FakeToken[]>();

  constructor(options: FakeBackendOptions) {
    const { contextLength, best } = options;
    this.#options = options;
    const sizes = { vocabularySize: VOCABULARY, hiddenSize: 2, layers: 1 };
    this.info = {
      id: "fake",
      family: "fake",
      dtype: "fp32",
      ...sizes,
      contextLength,
      cache: "delta",
    };
    this.facts = {
      contextLength,
      endTokens: new Set([END_TOKEN]),
      defaultMaxTokens: 64,
      bytesPerToken: 16,
      bytesPerContext: 0,
    };
    const edits = new Set<never>();
    this.offers = { images: true, fullVocabulary: best === undefined, edits, baseLlm: false };
  }

  /** Tokens of all live contexts, at 16 bytes each. */
  get liveBytes(): number {
    return [...this.#live.values()].reduce((sum, { length }) => sum + 16 * length, 0);
  }

  hash = async (): Promise<string> => "fake";

  openImage = async (source: ImageSource): Promise<OpenedImage> => fakeImage(source);

  async layOut({ view }: Stream, images: readonly { readonly key: string }[]): Promise<Prompt> {
    refuseControlTokens(view, [], IMAGE_TOKEN);
    const context = await fakeTokens(view, images as readonly FakeImage[]);
    const tokens = context.map(({ id }) => id);
    const { contextLength } = this.facts;
    if (tokens.length >= contextLength) {
      throw new InvalidArgumentError(
        `prompt: received ${tokens.length} tokens; expected at most ${contextLength - 1}`,
      );
    }
    const imageTokens = context.filter(({ isImage }) => isImage).length;
    const prompt: FakePrompt = { context, tokens, imageTokens, imageMs: 0 };
    return prompt;
  }

  async open(prompts: readonly PromptToOpen[]): Promise<OpenResult[]> {
    return prompts.map(({ prompt }) => {
      const context = {};
      this.#live.set(context, [...(prompt as FakePrompt).context]);
      return { context, ...this.#outputs(context) };
    });
  }

  async extend(steps: readonly ContextStep[]): Promise<StepResult[]> {
    // As an engine does, this leaves room for timers and events between two steps.
    await new Promise((resolve) => nextTask(resolve));
    return steps.map(({ context, token }) => {
      const tokens = this.#live.get(context)!;
      tokens.push({ id: token, feature: 0, position: tokens.length });
      return this.#outputs(context);
    });
  }

  close(contexts: readonly Context[]): void {
    for (const context of contexts) this.#live.delete(context);
  }

  encode = async (text: string): Promise<readonly number[]> => [...new TextEncoder().encode(text)];

  decode = (ids: readonly number[]): string => fakeText(ids);

  bytesOf = (id: number): Uint8Array | undefined => (id < 256 ? Uint8Array.of(id) : undefined);

  prepare = async (): Promise<void> => {};

  async probe(): Promise<Probe> {
    throw new UnsupportedCapabilityError("a fake model has no hidden states");
  }

  release = async (): Promise<void> => this.#live.clear();

  #outputs(context: Context): { outputs: { logits: Float32Array } } {
    const logits = this.#options.logits(this.#live.get(context)!);
    return {
      outputs: this.#options.best === undefined ? { logits } : best(logits, this.#options.best),
    };
  }
}

/** Browsers have no setImmediate. */
const nextTask: (task: (value: unknown) => void) => unknown = globalThis.setImmediate ?? setTimeout;

/** What an engine gives that tells only the k best log-probabilities. */
function best(raw: Float32Array, k: number) {
  const logits = logSoftmax(raw);
  const ids = Int32Array.from(
    [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, k),
  );
  const floor = logits[ids.at(-1)!]!;
  return { logits: logits.map((value: number) => Math.max(value, floor)), known: { ids, floor } };
}
