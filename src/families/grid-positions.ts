import type { PromptPositions } from "./family.js";

/** An image in a prompt: where its tokens begin, and how they lie in it. */
export interface ImageGrid {
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Positions for rotary embeddings of time, height and width. Text counts on in all three planes. An image's tokens share
 * one time and have row and column of their own, counted from the position that the image begins at; what follows
 * goes on behind the longer of its sides.
 *
 * @param length tokens of the prompt
 * @param images ascending, apart from each other
 * @returns three planes; `next` is less than `length` by what images save
 * @see Wang et al. 2024 (arXiv 2409.12191), section 2.1
 */
export function gridPositions(length: number, images: readonly ImageGrid[]): PromptPositions {
  const planes = [new Int32Array(length), new Int32Array(length), new Int32Array(length)] as const;
  const [time, height, width] = planes;
  let token = 0;
  let next = 0;
  const text = (end: number): void => {
    for (; token < end; token++, next++) for (const plane of planes) plane[token] = next;
  };
  for (const { start, rows, columns } of images) {
    text(start);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, token++) {
        time[token] = next;
        height[token] = next + row;
        width[token] = next + column;
      }
    }
    next += Math.max(rows, columns);
  }
  text(length);
  return { planes, next };
}
