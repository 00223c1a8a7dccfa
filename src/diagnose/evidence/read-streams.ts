import {
  diffusedView,
  logSoftmax,
  type Model,
  type ReadAnswer,
  type ReadRequest,
  type Stream,
  withoutImages,
} from "../../index.js";
import { requireAllLogits } from "./require-all-logits.js";
import {
  type BaseNumbers,
  baseNumbers,
  type OtherNumbers,
  type OwnNumbers,
  otherNumbers,
  ownNumbers,
} from "./token-numbers.js";

/** What the streams tell of one token. */
export interface StreamNumbers {
  readonly own: OwnNumbers;
  /** Null without an image. */
  readonly distorted: OtherNumbers | null;
  readonly imageless: OtherNumbers | null;
  /** The model itself without the image in a base LLM's place. */
  readonly self: BaseNumbers;
}

/** An answer read on all streams. */
export interface StreamsRead {
  readonly read: ReadAnswer;
  /** The tokens of the prompt without its images. */
  readonly imageless: readonly number[];
  /** For each token of the answer. */
  readonly numbers: readonly StreamNumbers[];
}

/** How streams are read. */
export interface StreamOptions {
  readonly beta: number;
  readonly noiseStep: number;
  readonly top: number;
}

/**
 * Reads an answer given the question as it is, with its images under VCD's noise, and without them: one pass each.
 * Distributions over V tokens are reduced as they come; only those whose counterparts are still to come are kept.
 *
 * @throws UnsupportedCapabilityError for models that do not tell all logits
 */
export async function readStreams(
  model: Model,
  request: ReadRequest,
  { beta, noiseStep, top }: StreamOptions,
): Promise<StreamsRead> {
  let streams: readonly [Stream, ...Stream[]] | undefined;
  const waiting = new Map<number, Float32Array[]>();
  const numbers: StreamNumbers[] = [];
  const read = await model.read(request, {
    streams(run) {
      const hasImage = run.view.some(({ parts }) => parts.some(({ type }) => type === "image"));
      const others = hasImage
        ? [{ view: diffusedView(run, noiseStep) }, { view: withoutImages(run.view) }]
        : [];
      streams = [{ view: run.view }, ...others];
      return streams;
    },
    onPosition(outputs, position, stream, token) {
      const { logits } = requireAllLogits(model, outputs);
      const rows = waiting.get(position) ?? [];
      rows[stream] = logSoftmax(logits);
      waiting.set(position, rows);
      const count = streams!.length;
      if (rows.length < count || rows.includes(undefined as never)) return;
      waiting.delete(position);
      const [own, distorted, imageless] = rows as [Float32Array, Float32Array?, Float32Array?];
      const other = (row: Float32Array | undefined) =>
        row === undefined ? null : otherNumbers(own, row, token, top);
      numbers[position] = {
        own: ownNumbers(own, token, { beta, top }),
        distorted: other(distorted),
        imageless: other(imageless),
        self: baseNumbers(imageless ?? own, token, top),
      };
    },
  });
  const { tokens, prompts } = read;
  // The end of text that is read behind the answer is no word of it.
  return { read, imageless: prompts.at(-1)!, numbers: numbers.slice(0, tokens.length) };
}
