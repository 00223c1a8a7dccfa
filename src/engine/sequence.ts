import { AbortedError, InferenceError } from "../errors.js";
import { logSumExp } from "../math/log-sum-exp.js";
import { SeededRandom } from "../math/seeded-random.js";
import { topIndices } from "../math/top-indices.js";
import type { AnswerToken, FinishReason, ScoredToken, StreamPiece } from "./answer.js";
import type { MethodSession } from "./method.js";
import type { ModelParts } from "./model-parts.js";
import type { Prompt } from "./prompt.js";
import type { RequestOptions } from "./request-options.js";
import { penaliseRepetition, sampleToken } from "./sampler.js";
import { StopText } from "./stop-text.js";
import { TextDecoder } from "./text-decoder.js";

/** What a sequence is made of. */
export interface SequenceInput {
  readonly parts: ModelParts;
  readonly options: RequestOptions;
  readonly session: MethodSession;
  /** One per stream of the session. */
  readonly prompts: readonly Prompt[];
  /** Names the image in the generator's seed, so that equal seeds draw independently for different images. */
  readonly imageKey: string;
  readonly onPiece?: ((piece: StreamPiece) => void) | undefined;
}

/** One answer while it is decoded: its streams, tokens and text. */
export class Sequence {
  readonly options: RequestOptions;
  readonly prompts: readonly Prompt[];
  readonly tokens: AnswerToken[] = [];
  /** Time of the first token's logits and of the end, in milliseconds of performance.now(). */
  firstLogitsAt = 0;
  endedAt = 0;
  readonly #input: SequenceInput;
  readonly #random: SeededRandom;
  readonly #maxTokens: number;
  readonly #seen: Set<number>;
  readonly #decoder: TextDecoder;
  readonly #stop: StopText;
  #finishReason: FinishReason | undefined;
  #failure: unknown;

  constructor(input: SequenceInput) {
    const { parts, options, prompts } = input;
    this.#input = input;
    this.options = options;
    this.prompts = prompts;
    this.#random = new SeededRandom(options.seed, `sample/${input.imageKey}/${options.prompt}`);
    const longest = Math.max(...prompts.map(({ tokens }) => tokens.length));
    this.#maxTokens = Math.min(options.maxTokens, parts.info.contextLength - longest);
    this.#seen = new Set(prompts[0]!.tokens);
    this.#decoder = new TextDecoder(parts.prompts.decode);
    this.#stop = new StopText(options.stop);
  }

  /** Most tokens that this answer can take. */
  get maxTokens(): number {
    return this.#maxTokens;
  }

  get isDone(): boolean {
    return this.#finishReason !== undefined || this.#failure !== undefined;
  }

  /** The text so far, or the whole answer's when done. */
  get text(): string {
    return this.#stop.text.trim();
  }

  /** Why the answer ended; throws what made it fail. */
  get finishReason(): FinishReason {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#finishReason === undefined) throw new InferenceError("the answer has not ended");
    return this.#finishReason;
  }

  /** Ends the answer with an error. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Fails the answer when its abort signal has fired. */
  checkAborted(): void {
    const { signal } = this.options;
    if (signal?.aborted) {
      this.fail(
        new AbortedError(`aborted after ${this.tokens.length} tokens`, { cause: signal.reason }),
      );
    }
  }

  /**
   * Step "process": the method maps the streams' logits to scores.
   *
   * @param logits (V) per stream, may be overwritten
   */
  process(logits: readonly Float32Array[]): Float32Array {
    for (const row of logits) this.#checkNumbers(row);
    return this.#input.session.scores(logits, this.tokens.length);
  }

  /** Step "sample": chooses the next token from the method's scores (V). */
  sample(scores: Float32Array): number {
    const { repetitionPenalty, sampler } = this.options;
    let adjusted = scores;
    if (repetitionPenalty !== 1) {
      adjusted = scores.slice();
      penaliseRepetition(adjusted, this.#seen, repetitionPenalty);
    }
    return sampleToken(adjusted, sampler, this.#random);
  }

  /** Step "commit": appends the token to the answer, or ends it. */
  commit(token: number, scores: Float32Array): void {
    if (this.#input.parts.endTokens.has(token)) {
      this.#end("eos", undefined);
      return;
    }
    this.#seen.add(token);
    this.#input.session.commit?.(token);
    const answerToken = this.#describe(token, scores);
    this.tokens.push(answerToken);
    const text = this.#stop.push(this.#decoder.push(token));
    if (this.#stop.isStopped) this.#end("stop", answerToken, text);
    else if (this.tokens.length >= this.#maxTokens) this.#end("length", answerToken, text);
    else this.#input.onPiece?.({ token: answerToken, text });
  }

  #end(reason: FinishReason, token: AnswerToken | undefined, text = ""): void {
    const rest = this.#stop.push(this.#decoder.end()) + this.#stop.end();
    this.#finishReason = reason;
    if (token !== undefined || rest !== "") this.#input.onPiece?.({ token, text: text + rest });
  }

  #describe(id: number, scores: Float32Array): AnswerToken {
    const norm = logSumExp(scores);
    const describe = (other: number): ScoredToken => {
      const logprob = scores[other]! - norm;
      return {
        id: other,
        text: this.#input.parts.prompts.decode([other]),
        logprob: Number.isFinite(logprob) ? logprob : null,
      };
    };
    const { topLogprobs } = this.options;
    if (topLogprobs === 0) return describe(id);
    return { ...describe(id), top: topIndices(scores, topLogprobs).map(describe) };
  }

  #checkNumbers(logits: Float32Array): void {
    let sum = 0;
    for (let i = 0; i < logits.length; i++) sum += logits[i]!;
    if (Number.isFinite(sum)) return;
    const bad = logits.findIndex(
      (value) => Number.isNaN(value) || value === Number.POSITIVE_INFINITY,
    );
    if (bad < 0) return;
    throw new InferenceError(
      `the model returned ${logits[bad]} as the logit of token ${bad} at answer position ${this.tokens.length}; expected numbers. The checkpoint may be corrupt, or overflow in its precision: try another dtype`,
    );
  }
}
