import type { Model } from "../engine/model.js";
import { SeededRandom } from "../math/seeded-random.js";
import { LocalModel, type LocalModelOptions } from "../model/local-model.js";
import { FakeBackend } from "./fake-backend.js";
import {
  ANSWER_MARK,
  BEGIN_TOKEN,
  END_TOKEN,
  type FakeToken,
  fakeText,
  IMAGE_TOKEN_ID,
  VOCABULARY,
} from "./fake-tokens.js";

/** What a fake model is asked. */
export interface FakeQuestion {
  /** The whole conversation's text, without the mark behind its last turn. */
  readonly prompt: string;
  /** Mean of the first image's features as the stream sees them: the mean pixel value from 0 to 1, plus any noise; undefined without image. */
  readonly brightness: number | undefined;
}

/** Options of {@link fakeModel}. */
export interface FakeModelOptions extends LocalModelOptions {
  /** The greedy answer to a question. Default: text of pseudo-random bytes fixed by the whole context. */
  readonly respond?: (question: FakeQuestion) => string;
  /** Logits (259) after a context, instead of `respond`: bytes 0 to 255, beginning, end (257) and image token. */
  readonly logits?: (context: readonly FakeToken[]) => Float32Array;
  /** Default 4096. */
  readonly contextLength?: number;
  /** Show only this many of the best logits, as some servers do. Default all. */
  readonly best?: number;
}

/**
 * A tiny, deterministic stand-in for a vision-language model, for tests without files: its tokens are UTF-8 bytes, its
 * decoder is a function. Everything above it (scheduling, methods, sampling, text) is the real engine.
 *
 *     const model = fakeModel({ respond: ({ prompt }) => (prompt.includes("dog") ? "Yes" : "No") });
 *     const { text } = await model.generate({ prompt: "Is there a dog?" });   // "Yes"
 */
export function fakeModel(options: FakeModelOptions = {}): Model {
  return new LocalModel(fakeBackend(options), options);
}

/** The backend of a {@link fakeModel}. */
export function fakeBackend({
  respond,
  logits = (context) => contextLogits(context, respond),
  contextLength = 4096,
  best,
}: FakeModelOptions = {}): FakeBackend {
  return new FakeBackend({ logits, contextLength, best });
}

/** Pseudo-random logits fixed by the context, with the answer's next byte far ahead when there is one. */
export function contextLogits(
  context: readonly FakeToken[],
  respond: FakeModelOptions["respond"],
): Float32Array {
  const text = context.map(({ id, feature }) => `${id}:${feature}`).join();
  const random = new SeededRandom(1, text);
  const logits = Float32Array.from({ length: VOCABULARY }, () => 4 * random.uniform());
  logits[BEGIN_TOKEN] = logits[IMAGE_TOKEN_ID] = -20;
  if (respond !== undefined) logits[nextToken(context, respond)] = 20;
  return logits;
}

function nextToken(
  context: readonly FakeToken[],
  respond: (question: FakeQuestion) => string,
): number {
  const image = context.find(({ id }) => id === IMAGE_TOKEN_ID);
  const text = fakeText(context.map(({ id }) => id));
  const end = text.lastIndexOf(ANSWER_MARK);
  const answer = new TextEncoder().encode(
    respond({ prompt: text.slice(0, end), brightness: image?.feature }),
  );
  const given = new TextEncoder().encode(text.slice(0, end) + ANSWER_MARK).length;
  const generated = context.filter(({ id }) => id < 256).length - given;
  return answer[generated] ?? END_TOKEN;
}
