import type { Size } from "./image-settings.js";

/** Bounds of an image's area after resizing, in pixels. */
export interface Area {
  readonly least: number;
  readonly most: number;
}

/**
 * The size nearest to an image's whose sides are multiples of `side` and whose area lies within bounds.
 *
 * @param shortest what a side is taken for at least while it is looked whether the area lies within them
 */
export function fittedSize(
  { width, height }: Size,
  side: number,
  { least, most }: Area,
  shortest = 0,
): Size {
  const nearest = (edge: number): number => Math.max(shortest, nearestMultiple(edge, side));
  const area = nearest(width) * nearest(height);
  const toSide = (edge: number): number => {
    if (area > most) {
      const shrunk = edge / Math.sqrt((width * height) / most);
      return Math.max(side, Math.floor(shrunk / side) * side);
    }
    if (area < least) {
      return Math.ceil((edge * Math.sqrt(least / (width * height))) / side) * side;
    }
    return nearest(edge);
  };
  return { width: toSide(width), height: toSide(height) };
}

/** The multiple of `side` that is nearest; halves become even ones, as Python's `round` has it. */
export function nearestMultiple(edge: number, side: number): number {
  const whole = Math.floor(edge / side);
  const isHalf = edge / side - whole === 0.5;
  const rounded = isHalf ? whole + (whole % 2) : Math.round(edge / side);
  return rounded * side;
}
