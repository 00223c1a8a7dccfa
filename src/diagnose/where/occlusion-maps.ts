import {
  checkSettings,
  decodeImage,
  InvalidArgumentError,
  type Model,
  type Pixels,
  type ReadAnswer,
  type ReadRequest,
  type SettingsSchema,
} from "../../index.js";
import { logSumExp } from "../../math/log-sum-exp.js";
import { firstImage, withFirstImage } from "../evidence/explain-request.js";
import { requireAllLogits } from "../evidence/require-all-logits.js";
import {
  type CellGrid,
  type CellWindow,
  cellGrid,
  hideWindow,
  meanColour,
  windowsOf,
} from "./hide-cells.js";
import type { TokenMaps } from "./token-maps.js";

/** Options of {@link occlusionMaps}. */
export interface OcclusionOptions {
  /** Cells along the longer side of the image, 1 to 64; along the other as many as keep them square. Default 8. */
  readonly cells?: number;
  /** Cells along each side of the square that is hidden at a time; it slides by one cell. Default 1. */
  readonly window?: number;
  /** Called after every reading with how many of all were done. */
  readonly onProgress?: (done: number, total: number) => void;
}

const SETTINGS = {
  cells: { type: "integer", min: 1, max: 64, default: 8, summary: "cells along the longer side" },
  window: { type: "integer", min: 1, max: 64, default: 1, summary: "cells hidden along each side" },
} as const satisfies SettingsSchema;

/** Images that are read at a time: as many as a model decodes together, fewer where their pixels would take more. */
const MOST_AT_ONCE = 16;
const PIXEL_BYTES = 64 * 2 ** 20;

/**
 * Where in the first image each token of an answer has its support: what hiding a part of the picture takes from the
 * token's log-probability. The answer is read once with the image as it is and once for each part, which is filled with
 * the image's mean colour; the maps of all tokens come from the same readings.
 *
 *     value of a cell = mean over windows that hide it of  ln p(token | image) - ln p(token | image without the window)
 *
 * It is the picture that is hidden, not what a checkpoint makes of it, so that this works with every family.
 *
 * @param request the question with its image, and the answer
 * @throws InvalidArgumentError for options that are unknown or out of range, and a question without an image
 * @throws UnsupportedCapabilityError through a worker, and for models that do not tell all logits
 * @throws DatasetError, InferenceError, AbortedError as `Model.read`
 * @see Zeiler and Fergus 2014 (arXiv 1311.2901), section 4.2
 */
export async function occlusionMaps(
  model: Model,
  request: ReadRequest,
  options: OcclusionOptions = {},
): Promise<TokenMaps> {
  const { onProgress = () => {}, ...given } = options;
  const { cells, window } = checkSettings("occlusionMaps", SETTINGS, given);
  const source = firstImage(request);
  if (source === undefined) {
    throw new InvalidArgumentError(
      "occlusionMaps: received a question without an image; expected one, of which parts are hidden",
    );
  }
  const image = await decodeImage(source);
  const grid = cellGrid(image, cells);
  const windows = windowsOf(grid, window);
  let done = 0;
  const reading = async (asked: ReadRequest): Promise<Reading> => {
    const read = await logProbs(model, asked);
    onProgress(++done, windows.length + 1);
    return read;
  };
  const whole = await reading(request);
  const { tokens, text, pieces } = whole.read;
  const drops: number[][] = [];
  const atOnce = Math.min(MOST_AT_ONCE, Math.ceil(PIXEL_BYTES / image.data.length));
  const colour = meanColour(image);
  for (let from = 0; from < windows.length; from += atOnce) {
    const some = windows.slice(from, from + atOnce).map(async (hidden) => {
      const picture: Pixels = hideWindow(image, grid, hidden, colour);
      const { values } = await reading({ ...withFirstImage(request, picture), answer: tokens });
      return values.map((value, i) => whole.values[i]! - value);
    });
    drops.push(...(await Promise.all(some)));
  }
  const maps = tokens.map((_, token) => ({
    ...grid,
    values: cellMeans(
      grid,
      windows,
      drops.map((drop) => drop[token]!),
    ),
    how: "occlusion" as const,
  }));
  return { tokens, text, pieces, maps };
}

/** An answer with the log-probability of each of its tokens, in nats. */
interface Reading {
  readonly read: ReadAnswer;
  readonly values: readonly number[];
}

async function logProbs(model: Model, request: ReadRequest): Promise<Reading> {
  const values: number[] = [];
  const read = await model.read(request, {
    onPosition(outputs, position, _, token) {
      const { logits } = requireAllLogits(model, outputs);
      values[position] = logits[token]! - logSumExp(logits);
    },
  });
  return { read, values: values.slice(0, read.tokens.length) };
}

/** For each cell the mean of what the windows that hide it have. */
function cellMeans(
  { rows, columns }: CellGrid,
  windows: readonly CellWindow[],
  drops: readonly number[],
): number[] {
  const sums = new Array<number>(rows * columns).fill(0);
  const counts = new Array<number>(rows * columns).fill(0);
  windows.forEach(({ top, left, bottom, right }, w) => {
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        sums[row * columns + column]! += drops[w]!;
        counts[row * columns + column]!++;
      }
    }
  });
  return sums.map((sum, cell) => sum / counts[cell]!);
}
