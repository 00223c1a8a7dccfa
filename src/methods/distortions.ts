import type { MethodRun } from "../engine/method.js";
import { mapImages, type View, withoutImages } from "../engine/view.js";
import { diffuse } from "../math/diffusion-noise.js";
import type { SeededRandom } from "../math/seeded-random.js";
import { softBlur } from "./pictures/blur.js";
import { changePicture } from "./pictures/change-picture.js";
import { blacken, coverCells } from "./pictures/cover.js";
import { crop, type Window } from "./pictures/move.js";

/** A way to distort the images of a stream, the loss of them among these. */
export type Distortion = "noise" | "blur" | "mask" | "crop" | "black" | "none";

/** Usual amounts of the distortions that have one. */
export const AMOUNTS: Readonly<Partial<Record<Distortion, number>>> = {
  blur: 0.05,
  mask: 0.5,
  crop: 0.75,
};

/**
 * The conversation with every image distorted.
 *
 * @param strength diffusion step of noise, amount of a blur, mask or crop
 * @param draw counts from 0 the draws of chance under one seed
 */
export function distortedView(
  run: Pick<MethodRun, "view" | "seed" | "random">,
  distortion: Distortion,
  strength: number,
  draw: number,
): View {
  const { view, seed, random } = run;
  const drawn = `with seed ${seed}${drawName(draw)}`;
  switch (distortion) {
    case "noise":
      return diffusedView(run, strength, draw);
    case "none":
      return withoutImages(view);
    case "black":
      return mapImages(view, (variant) => changePicture(variant, "black", blacken));
    case "blur":
      return mapImages(view, (variant) =>
        changePicture(variant, `blurred by ${strength}`, (picture) =>
          softBlur(picture, strength * Math.min(picture.width, picture.height)),
        ),
      );
    case "mask":
      return mapImages(view, (variant, image) =>
        changePicture(variant, `masked by ${strength} ${drawn}`, (picture) =>
          coverCells(picture, strength, random(`vcd mask${drawName(draw)}`, image)),
        ),
      );
    case "crop":
      return mapImages(view, (variant, image) =>
        changePicture(variant, `cropped by ${strength} ${drawn}`, (picture) =>
          crop(picture, windowOf(picture, strength, random(`vcd crop${drawName(draw)}`, image))),
        ),
      );
  }
}

/**
 * The conversation with every image diffused: x_t with noise fixed by the seed and the image.
 *
 * @param step t, an integer from 0 to 999
 * @param draw counts from 0 the draws of noise under one seed
 */
export function diffusedView(
  { view, seed, random }: Pick<MethodRun, "view" | "seed" | "random">,
  step: number,
  draw = 0,
): View {
  return mapImages(view, (variant, image) => ({
    ...variant,
    key: `${variant.key}, diffused to step ${step} with seed ${seed}${drawName(draw)}`,
    features: ({ dims, data }, encode) => {
      const noise = random(`vcd noise${drawName(draw)}`, image);
      return variant.features({ dims, data: diffuse(data, step, noise) }, encode);
    },
  }));
}

/** The first draw has none: its noise is what it was before there were others. */
function drawName(draw: number): string {
  return draw === 0 ? "" : `, draw ${draw + 1}`;
}

/** A window of a picture's shape, at least a pixel, without a share of its area. */
function windowOf(
  { width, height }: Omit<Window, "left" | "top">,
  share: number,
  random: SeededRandom,
): Window {
  const side = (whole: number) => Math.max(1, Math.round(whole * Math.sqrt(1 - share)));
  const [wide, high] = [side(width), side(height)];
  const left = random.integer(width - wide + 1);
  return { left, top: random.integer(height - high + 1), width: wide, height: high };
}
