import { abortedError } from "../../engine/abort.js";
import type { TextStates } from "../../engine/probe.js";
import type { TextLogitsOptions, TextModel } from "../../engine/text-model.js";
import { InferenceError, InvalidArgumentError, ModelLoadError } from "../../errors.js";
import type { CacheSizes } from "../../families/family.js";
import { allLogits, emptyPast, readGeometry, runSettings } from "./decoder-tensors.js";
import { float32, inputTensor } from "./float-tensors.js";
import { pooledStates, stateOutputs } from "./pooled-states.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/** What an {@link OnnxTextModel} is made of. */
export interface OnnxTextParts
  extends Pick<TextModel, "id" | "contextLength" | "endToken" | "hash" | "encode" | "decode"> {
  /** The graph's file, for messages. */
  readonly path: string;
  readonly runtime: Runtime;
  readonly session: Session;
  /** Opens the graph with outputs for its hidden states. */
  readonly openStates: () => Promise<Session>;
  /** What the configuration says of the cache, for shapes that are symbolic. */
  readonly cache: CacheSizes | undefined;
}

const KNOWN_INPUT =
  /^(input_ids|attention_mask|position_ids|num_logits_to_keep|use_cache_branch|past_key_values\.\d+\.(key|value)|past_(conv|recurrent)\.\d+)$/;

/** A text model in ONNX: `input_ids` in, logits out, whole texts in one run on an empty cache. */
export class OnnxTextModel implements TextModel {
  readonly id: string;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly endToken: number | undefined;
  readonly #parts: OnnxTextParts;
  /** Returns hidden states; opened when they are asked for. */
  #states: Promise<Session> | undefined;
  #disposal: Promise<void> | undefined;

  /** @throws ModelLoadError when the graph is not one that can be run */
  constructor(parts: OnnxTextParts) {
    const { path, session } = parts;
    const unknown = session.inputNames.filter((name) => !KNOWN_INPUT.test(name));
    if (unknown.length > 0 || !session.inputNames.includes("input_ids")) {
      throw new ModelLoadError(
        `${path} has the inputs ${session.inputNames.slice(0, 8).join(", ")}; expected input_ids, attention_mask, position_ids and past_key_values, as a text model exported for transformers.js has them`,
      );
    }
    const logits = session.outputMetadata.find(({ name }) => name === "logits");
    const size = Number(logits?.isTensor === true ? logits.shape.at(-1) : undefined);
    if (!(size > 0)) {
      throw new ModelLoadError(
        `${path}: its output logits has no fixed size of vocabulary; expected (batch, tokens, V)`,
      );
    }
    this.id = parts.id;
    this.vocabularySize = size;
    this.contextLength = parts.contextLength;
    this.endToken = parts.endToken;
    this.#parts = parts;
  }

  hash(): Promise<string> {
    return this.#parts.hash();
  }

  encode(text: string): readonly number[] {
    return this.#parts.encode(text);
  }

  decode(tokens: readonly number[]): string {
    return this.#parts.decode(tokens);
  }

  async logits(
    tokens: readonly number[],
    onPosition: (logits: Float32Array, position: number) => void,
    { from = 0, signal }: TextLogitsOptions = {},
  ): Promise<void> {
    this.#check(tokens, from);
    if (signal?.aborted) throw abortedError(signal);
    const kept = tokens.length - from;
    const rows = await this.#run(tokens, kept);
    // A graph that is not told how many to keep returns all.
    for (const [i, row] of rows.slice(-kept).entries()) onPosition(row, from + i);
  }

  async states(tokens: readonly number[], from = 0): Promise<TextStates> {
    this.#check(tokens, from);
    this.#states ??= this.#parts.openStates();
    const session = await this.#states;
    const names = stateOutputs(session);
    const found = await this.#feed(session, this.#feeds(tokens, 1), names);
    const states = names.map((name) => {
      const output = found[name]!;
      return { data: float32(output, `the graph's ${name}`), dims: output.dims };
    });
    return pooledStates(states, from);
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#release();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #run(tokens: readonly number[], kept: number): Promise<Float32Array[]> {
    const { runtime, session, path } = this.#parts;
    const feeds = this.#feeds(tokens, kept);
    const { logits } = await this.#feed(session, feeds, ["logits"]);
    const expected = Object.hasOwn(runSettings(runtime, session, false), "num_logits_to_keep")
      ? kept
      : tokens.length;
    const rows = allLogits(logits, expected);
    if (rows !== undefined) return rows;
    throw new InferenceError(
      `${path} returned logits of shape (${logits?.dims.join(", ") ?? "none"}) for ${tokens.length} tokens; expected those of every token: export it with all logits, or with num_logits_to_keep`,
    );
  }

  async #feed(session: Session, feeds: Tensors, outputs: readonly string[]): Promise<Tensors> {
    const run = async () => session.run(feeds, [...outputs]);
    return run().catch((cause: unknown) => {
      throw new InferenceError(`${this.#parts.path} failed: ${(cause as Error).message}`, {
        cause,
      });
    });
  }

  async #release(): Promise<void> {
    const opened = await this.#states?.catch(() => undefined);
    await Promise.all([opened, this.#parts.session].map((session) => session?.release()));
  }

  #feeds(tokens: readonly number[], kept: number): Tensors {
    const { runtime, session, cache } = this.#parts;
    const dims = [1, tokens.length];
    const rows = {
      input_ids: BigInt64Array.from(tokens, BigInt),
      attention_mask: new BigInt64Array(tokens.length).fill(1n),
      position_ids: BigInt64Array.from(tokens, (_, i) => BigInt(i)),
    };
    const given = Object.entries(rows)
      .filter(([name]) => session.inputNames.includes(name))
      .map(([name, data]) => [name, inputTensor(runtime, session, name, { data, dims })] as const);
    const hasPast = session.inputNames.some((name) => name.startsWith("past_"));
    return {
      ...Object.fromEntries(given),
      ...(hasPast ? emptyPast(runtime, readGeometry(session, cache)) : {}),
      ...runSettings(runtime, session, false, kept),
    };
  }

  #check(tokens: readonly number[], from: number): void {
    if (this.#disposal !== undefined)
      throw new InvalidArgumentError("the text model was disposed of; load it again");
    const { vocabularySize, contextLength } = this;
    const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabularySize;
    const wrong = tokens.find((id) => !isToken(id));
    if (tokens.length === 0 || wrong !== undefined) {
      throw new InvalidArgumentError(
        `tokens: received ${tokens.length === 0 ? "none" : `the id ${wrong}`}; expected ids of 0 to ${vocabularySize - 1}, those of ${this.id}`,
      );
    }
    if (tokens.length > contextLength) {
      throw new InvalidArgumentError(
        `tokens: received ${tokens.length}; expected at most ${contextLength}, the context of ${this.id}`,
      );
    }
    if (!Number.isInteger(from) || from < 0 || from >= tokens.length) {
      throw new InvalidArgumentError(
        `from: received ${from}; expected a position of 0 to ${tokens.length - 1}`,
      );
    }
  }
}
