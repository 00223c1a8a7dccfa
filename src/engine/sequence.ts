import { AbortedError, InferenceError, InvalidArgumentError } from "../errors.js";
import { logSumExp } from "../math/log-sum-exp.js";
import { type Scan, scan } from "../math/scan.js";
import type { SeededRandom } from "../math/seeded-random.js";
import { topIndices } from "../math/top-indices.js";
import type { AnswerToken, FinishReason, ScoredToken, StreamPiece } from "./answer.js";
import type { Backend, Prompt } from "./backend.js";
import { Detokenizer, INCOMPLETE } from "./detokenizer.js";
import { tokenRandom } from "./draws.js";
import type { Draft, MethodSession } from "./method.js";
import { penaliseRepetition, type SamplerSettings, sampleToken } from "./sampler.js";
import type { StepOutputs } from "./step.js";
import { StopText } from "./stop-text.js";
import { isPromise } from "./told.js";

/** How a sequence is decoded. */
export interface SequenceOptions {
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly sampler: SamplerSettings;
  readonly repetitionPenalty: number;
  readonly seed: number;
  readonly topLogprobs: number;
  readonly signal: AbortSignal | undefined;
}

/** What a sequence is made of. */
export interface SequenceInput {
  readonly options: SequenceOptions;
  readonly session: MethodSession;
  /** One per stream of the session. */
  readonly prompts: readonly Prompt[];
  readonly contextLength: number;
  readonly endTokens: ReadonlySet<number>;
  readonly backend: Pick<Backend, "decode" | "bytesOf">;
  /** Names the question and its images, so that equal seeds draw independently for different ones. */
  readonly drawName: string;
  readonly onPiece?: ((piece: StreamPiece) => void) | undefined;
  /** Tokens that are chosen first, whatever the scores: they are appended in one pass where the backend can. */
  readonly led?: readonly number[] | undefined;
  /** Why it ends behind the tokens that it is led through; goes on where left out. */
  readonly ends?: FinishReason | undefined;
}

/** A method's scores (V) of the next token, with what a scan of them found. */
export interface Scores {
  readonly values: Float32Array;
  readonly found: Scan;
  /** Whether they are the engine's own log-probabilities, of which only the best are known. */
  readonly isLogProbs: boolean;
}

/** One answer while it is decoded: its prompts, tokens and text. */
export class Sequence {
  readonly options: SequenceOptions;
  readonly prompts: readonly Prompt[];
  readonly tokens: AnswerToken[] = [];
  /** Time of the first token's logits and of the end, in milliseconds of performance.now(). */
  firstLogitsAt = 0;
  endedAt = 0;
  readonly #input: SequenceInput;
  readonly #random: SeededRandom;
  readonly #maxTokens: number;
  readonly #seen: Set<number>;
  readonly #detokenizer: Detokenizer;
  readonly #stop: StopText;
  #penalised: Float32Array | undefined;
  #finishReason: FinishReason | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(input: SequenceInput) {
    const { options, prompts, contextLength } = input;
    this.#input = input;
    this.options = options;
    this.prompts = prompts;
    this.#random = tokenRandom(options.seed, input.drawName);
    const longest = Math.max(...prompts.map(({ tokens }) => tokens.length));
    this.#maxTokens = Math.min(options.maxTokens, contextLength - longest);
    this.#seen = new Set(options.repetitionPenalty === 1 ? [] : prompts[0]!.tokens);
    this.#detokenizer = new Detokenizer((ids) => input.backend.decode(ids));
    this.#stop = new StopText(options.stop);
  }

  /** Most tokens that this answer can take. */
  get maxTokens(): number {
    return this.#maxTokens;
  }

  /** The tokens that it is led through, while some of them are to come. */
  get led(): readonly number[] | undefined {
    const { led } = this.#input;
    return led !== undefined && this.tokens.length < led.length ? led : undefined;
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
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#finishReason === undefined) throw new InferenceError("the answer has not ended");
    return this.#finishReason;
  }

  /** Ends the answer with an error. */
  fail(error: unknown): void {
    if (this.isDone) return;
    this.#failure = { error };
    this.endedAt = performance.now();
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
   * Step "process": the method (src/methods) maps the streams' outputs to scores.
   *
   * @param outputs of each stream; logits may be overwritten
   */
  process(outputs: readonly StepOutputs[]): Scores {
    const found = outputs.map(({ logits }) => this.#scanLogits(logits));
    const [first] = outputs;
    const { session } = this.#input;
    if (session.scores === undefined && first!.known === undefined) {
      return { values: first!.logits, found: found[0]!, isLogProbs: false };
    }
    const scores =
      session.scores === undefined ? first!.logits : session.scores(outputs, this.tokens.length);
    if (scores?.length !== first!.logits.length) {
      throw new InferenceError(
        `the method returned ${scores?.length ?? "no"} scores; expected one for each of the ${first!.logits.length} tokens`,
      );
    }
    if (first!.known !== undefined) excludeUnknown(scores, first!.known.ids);
    return { values: scores, found: scan(scores), isLogProbs: session.scores === undefined };
  }

  /** Step "sample": chooses the next token from the method's scores, or takes the next of those that it is led through. */
  sample({ values, found }: Scores): number {
    const { repetitionPenalty, sampler } = this.options;
    const { led } = this;
    if (led !== undefined) {
      // What comes behind is drawn as if these had been.
      this.#random.uniform();
      return led[this.tokens.length]!;
    }
    if (repetitionPenalty === 1) return sampleToken(values, sampler, this.#random, found);
    this.#penalised ??= new Float32Array(values.length);
    this.#penalised.set(values);
    penaliseRepetition(this.#penalised, this.#seen, repetitionPenalty);
    return sampleToken(this.#penalised, sampler, this.#random);
  }

  /** Step "commit": appends the token to the answer, or ends it. */
  commit(token: number, scores: Scores): void {
    if (this.#input.endTokens.has(token)) {
      this.#end("eos", undefined);
      return;
    }
    this.#seen.add(token);
    this.#tellSession(token);
    const answerToken = this.#describe(token, scores);
    const text = this.#append(answerToken);
    const { led, ends } = this.#input;
    if (this.#stop.isStopped) this.#end("stop", answerToken, text);
    else if (ends !== undefined && this.tokens.length === led?.length)
      this.#end(ends, answerToken, text);
    else if (this.tokens.length >= this.#maxTokens) this.#end("length", answerToken, text);
    else this.#input.onPiece?.({ token: answerToken, text });
  }

  /** Takes an answer that is there already, as if it had been decoded from the time of its draft's first logits on. */
  replay({ tokens, finishReason }: Draft, draftedAt: number = performance.now()): void {
    this.firstLogitsAt = draftedAt;
    for (const token of tokens) {
      const text = this.#append(token);
      this.#input.onPiece?.({ token, text });
    }
    this.#end(finishReason, undefined);
  }

  /** @returns the text that became complete with the token */
  #append(token: AnswerToken): string {
    this.tokens.push(token);
    return this.#stop.push(this.#detokenizer.push(token.id));
  }

  /** @throws InvalidArgumentError when the method's `commit` returns a promise, whose failure nobody would hear of */
  #tellSession(token: number): void {
    const told: unknown = this.#input.session.commit?.(token);
    if (!isPromise(told)) return;
    Promise.resolve(told).catch(() => undefined);
    throw new InvalidArgumentError(
      "the method's commit returned a promise; expected it to be done when it returns: await what it needs in start",
    );
  }

  #end(reason: FinishReason, token: AnswerToken | undefined, text = ""): void {
    const rest = this.#stop.push(this.#detokenizer.end()) + this.#stop.end();
    if (token !== undefined || rest !== "") this.#input.onPiece?.({ token, text: text + rest });
    this.#finishReason = reason;
    this.endedAt = performance.now();
  }

  /** The chosen token as it is reported: ln p = score - max - ln(sum_k exp(score_k - max)). */
  #describe(id: number, { values, found: { max }, isLogProbs }: Scores): AnswerToken {
    const norm = isLogProbs ? 0 : logSumExp(values, max);
    const describe = (other: number): ScoredToken => {
      const logprob = values[other]! - norm;
      const { backend } = this.#input;
      const text = backend.decode([other]);
      const bytes = text.includes(INCOMPLETE) ? backend.bytesOf?.(other) : undefined;
      return {
        id: other,
        text,
        ...(bytes === undefined ? {} : { bytes: [...bytes] }),
        logprob: Number.isFinite(logprob) ? logprob : null,
      };
    };
    const { topLogprobs } = this.options;
    if (topLogprobs === 0) return describe(id);
    return { ...describe(id), top: topIndices(values, topLogprobs).map(describe) };
  }

  #scanLogits(logits: Float32Array): Scan {
    const found = scan(logits);
    if (found.bad < 0) return found;
    throw new InferenceError(
      `the model returned ${logits[found.bad]} as the logit of token ${found.bad} at answer position ${this.tokens.length}; expected numbers. The checkpoint may be corrupt, or overflow in its precision: try another dtype`,
    );
  }
}

/** Excludes every token that the engine did not tell about. */
function excludeUnknown(scores: Float32Array, ids: Int32Array): void {
  const known = Float32Array.from(ids, (id) => scores[id]!);
  scores.fill(Number.NEGATIVE_INFINITY);
  ids.forEach((id, i) => {
    scores[id] = known[i]!;
  });
}
