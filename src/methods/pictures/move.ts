import type { Picture } from "../../engine/image-variant.js";

/** A part of a picture, in whole pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A picture as a mirror shows it: left and right changed ("horizontal"), or top and bottom ("vertical"). */
export function flip(picture: Picture, direction: "horizontal" | "vertical"): Picture {
  const { width, height } = picture;
  return fromPixels(picture, width, height, (x, y) =>
    direction === "horizontal" ? [width - 1 - x, y] : [x, height - 1 - y],
  );
}

/**
 * A picture turned about its middle, each pixel from the nearest one; black where it has none. The size stays.
 *
 * @param degrees counter-clockwise
 */
export function rotate(picture: Picture, degrees: number): Picture {
  const { width, height } = picture;
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return fromPixels(picture, width, height, (x, y) => {
    const [dx, dy] = [x + 0.5 - width / 2, y + 0.5 - height / 2];
    return [
      Math.floor(cos * dx - sin * dy + width / 2),
      Math.floor(sin * dx + cos * dy + height / 2),
    ];
  });
}

/** A window of a picture, alone. */
export function crop(picture: Picture, { left, top, width, height }: Window): Picture {
  return fromPixels(picture, width, height, (x, y) => [left + x, top + y]);
}

/** A picture of pixels that stand elsewhere in another one; black where that has none. */
function fromPixels(
  { data, width, height, channels }: Picture,
  newWidth: number,
  newHeight: number,
  source: (x: number, y: number) => readonly [x: number, y: number],
): Picture {
  const moved = new Uint8Array(newWidth * newHeight * channels);
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++) {
      const [fromX, fromY] = source(x, y);
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue;
      const [to, from] = [(y * newWidth + x) * channels, (fromY * width + fromX) * channels];
      for (let c = 0; c < channels; c++) moved[to + c] = data[from + c]!;
    }
  }
  return { data: moved, width: newWidth, height: newHeight, channels };
}
