import {
  diffusedView,
  logSoftmax,
  type Model,
  type ReadAnswer,
  type ReadRequest,
  type Stream,
  withoutImages,
} from "../../index.js";
import type { OtherSight } from "./explain-request.js";
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
  /** Null without an image, and where it was not read. */
  readonly distorted: OtherNumbers | null;
  readonly imageless: OtherNumbers | null;
  /** The model itself without the image in a base LLM's place; as it is where that was not read. */
  readonly self: BaseNumbers;
}

/** An answer read on all streams. */
export interface StreamsRead {
  readonly read: ReadAnswer;
  /** The tokens of the prompt without its images; with them where that was not read. */
  readonly imageless: readonly number[];
  /** For each token of the answer. */
  readonly numbers: readonly StreamNumbers[];
}

/** How streams are read. */
export interface StreamOptions {
  readonly beta: number;
  readonly noiseStep: number;
  readonly top: number;
  /** What is read besides the question as it is. Default both. */
  readonly views?: readonly OtherSight[];
}

/** All of them, in the order in which they are read. */
export const SIGHTS: readonly OtherSight[] = ["distorted", "imageless"];

/**
 * Reads an answer given the question as it is, and where asked with its images under VCD's noise, and without them: one
 * pass each.
 * Distributions over V tokens are reduced as they come; only those whose counterparts are still to come are kept.
 *
 * @throws UnsupportedCapabilityError for models that do not tell all logits
 */
export async function readStreams(
  model: Model,
  request: ReadRequest,
  { beta, noiseStep, top, views = SIGHTS }: StreamOptions,
): Promise<StreamsRead> {
  let sights: readonly OtherSight[] = [];
  const waiting = new Map<number, Float32Array[]>();
  const numbers: StreamNumbers[] = [];
  const read = await model.read(request, {
    streams(run) {
      const hasImage = run.view.some(({ parts }) => parts.some(({ type }) => type === "image"));
      sights = hasImage ? SIGHTS.filter((sight) => views.includes(sight)) : [];
      const others = sights.map(
        (sight): Stream => ({
          view: sight === "distorted" ? diffusedView(run, noiseStep) : withoutImages(run.view),
        }),
      );
      return [{ view: run.view }, ...others];
    },
    onPosition(outputs, position, stream, token) {
      const { logits } = requireAllLogits(model, outputs);
      const rows = waiting.get(position) ?? [];
      rows[stream] = logSoftmax(logits);
      waiting.set(position, rows);
      if (rows.length <= sights.length || rows.includes(undefined as never)) return;
      waiting.delete(position);
      const [own, ...others] = rows as [Float32Array, ...Float32Array[]];
      const [distorted, imageless] = SIGHTS.map((sight) => others[sights.indexOf(sight)]);
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
