import type { SeededRandom } from "../math/seeded-random.js";
import type { ImageSource, Turn } from "./conversation.js";
import type { ImageInPrompt } from "./feature-grid.js";
import type { Stream } from "./method.js";
import type { StepOutputs } from "./step.js";
import type { View } from "./view.js";

/** A question with an answer that is there already, to be read instead of generated. */
export interface ReadRequest {
  /** The question, as in a `GenerateRequest`: `prompt` with or without `image`, or `turns`. */
  readonly prompt?: string;
  readonly image?: ImageSource;
  readonly turns?: readonly Turn[];
  /** The answer: its text, or the ids of its tokens as an `Answer` gives them. */
  readonly answer: string | readonly number[];
  /** Fixes the random draws of the streams. Default 0. */
  readonly seed?: number;
  /** Ends the reading between two passes; the call rejects with AbortedError. */
  readonly signal?: AbortSignal;
}

/** What the streams of a reading may be made of. */
export interface ReadingRun {
  /** The conversation as the request gives it. */
  readonly view: View;
  readonly seed: number;
  /** See `MethodRun.random`. */
  random(name: string, image?: number): SeededRandom;
}

/** How an answer is read. */
export interface ReadOptions {
  /** The ways in which the question is seen, each read on its own: images distorted or left out, other words. Default: as it is. */
  readonly streams?: (run: ReadingRun) => readonly [Stream, ...Stream[]];
  /**
   * Called for every position of every stream in order of the positions, the one that predicts the end of text included
   * (its number is that of the tokens). Streams take turns.
   *
   * @param outputs raw logits (V) and read-outs, valid during the call only
   * @param position 0 for the first token of the answer
   * @param stream number of the stream
   * @param token the token that is read at this position: of the answer, or the end of text
   */
  readonly onPosition: (
    outputs: StepOutputs,
    position: number,
    stream: number,
    token: number,
  ) => void;
}

/** What was read. */
export interface ReadAnswer {
  /** The answer's tokens, without an end of text. */
  readonly tokens: readonly number[];
  /** Their text, without white space at its ends. */
  readonly text: string;
  /**
   * For each token: the text that it makes complete. A character that spans several tokens stands with the last of them.
   * Joined they are the text, with white space at its ends.
   */
  readonly pieces: readonly string[];
  /** For each stream: the tokens of its prompt. */
  readonly prompts: readonly (readonly number[])[];
  /** For each stream: the images in its prompt; none where the engine cannot tell. */
  readonly images: readonly (readonly ImageInPrompt[])[];
  /** Whether the end of text was read behind the tokens; not where the checkpoint has none. */
  readonly hasEnd: boolean;
}
