import type { ImageVariant, Picture } from "../../engine/image-variant.js";

/**
 * A variant whose picture is changed before it is processed, behind what the variant itself changes in it.
 *
 * @param name of the change: equal names must mean equal changes of equal pictures
 */
export function changePicture(
  variant: ImageVariant,
  name: string,
  change: (picture: Picture) => Picture,
): ImageVariant {
  return {
    key: `${variant.key}, ${name}`,
    picture: async (picture) => change((await variant.picture?.(picture)) ?? picture),
    features: (pixels, encode) => variant.features(pixels, encode),
  };
}
