import { InvalidArgumentError } from "../../index.js";
import type { PatchMap } from "../contract/explanation.js";

/** An answer with a map of the image for each of its tokens. */
export interface TokenMaps {
  /** The answer's tokens, without an end of text. */
  readonly tokens: readonly number[];
  /** Their text, without white space at its ends. */
  readonly text: string;
  /** For each token, the text that it makes complete; see `ReadAnswer`. */
  readonly pieces: readonly string[];
  /** For each token. All have the same rows and columns. */
  readonly maps: readonly PatchMap[];
}

/**
 * The map of a phrase: the sum of its tokens' maps. Of occlusion that is the drop of the whole phrase's log-probability,
 * given what stands before it.
 *
 * @param tokens the phrase's first token, and its last one exclusive
 * @throws InvalidArgumentError when there are no such tokens
 */
export function phraseMap(
  maps: readonly PatchMap[],
  [first, end]: readonly [number, number],
): PatchMap {
  if (!(first >= 0 && first < end && end <= maps.length)) {
    throw new InvalidArgumentError(
      `tokens: received ${first} to ${end}; expected a first token and an end of 0 to ${maps.length}`,
    );
  }
  const [one, ...others] = maps.slice(first, end);
  const values = one!.values.map((value, cell) =>
    others.reduce((sum, other) => sum + other.values[cell]!, value),
  );
  return { ...one!, values };
}

/** A place in an image, as fractions of its width and height from the top left. */
export interface MapPlace {
  readonly x: number;
  readonly y: number;
}

/** The middles of a map's cells, row by row. */
export function cellMiddles({ rows, columns, values }: PatchMap): MapPlace[] {
  return values.map((_, cell) => ({
    x: ((cell % columns) + 0.5) / columns,
    y: (Math.floor(cell / columns) + 0.5) / rows,
  }));
}

/** Where a map is highest: the middle of that cell. */
export function mapPeak(map: PatchMap): MapPlace {
  return cellMiddles(map)[map.values.indexOf(Math.max(...map.values))]!;
}
