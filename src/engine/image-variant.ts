import { UnsupportedCapabilityError } from "../errors.js";
import type { Pixels } from "./conversation.js";
import type { TensorData } from "./tensor-data.js";

/** An image's pixels as they were decoded: upright, RGB. */
export type Picture = Pixels & { readonly channels: 3 };

/** Runs the vision encoder and projector on processed pixels; the image's other inputs (masks, grids) are kept. */
export type EncodeImage = (pixels: TensorData) => Promise<TensorData>;

/**
 * How a stream sees the request's image: as it is, distorted, averaged over copies, and so on.
 *
 * An immutable value. Features are computed once per image and key, and reused.
 */
export interface ImageVariant {
  /** Names the variant in the cache of features: equal keys must mean equal features for equal images. */
  readonly key: string;
  /**
   * Changes the picture itself, before the model's processor resizes and cuts it: blurred, mirrored, cropped. It holds for
   * every family, whatever its processor makes of a picture. Left out where the variant takes the picture as it is.
   *
   * @param picture not to be modified; what is returned may have another size
   */
  picture?(picture: Picture): Picture | Promise<Picture>;
  /**
   * Image features of the variant.
   *
   * @param pixels normalised pixel values as the model's processor makes them, for example (1, 3, H, W); not to be modified
   * @param encode the model's vision encoder with projector
   * @returns features, (image tokens, hidden size) per image, in the layout that `encode` returned
   */
  features(pixels: TensorData, encode: EncodeImage): Promise<TensorData>;
}

/** A token of the tokenizer's that stands for what it does not know, in the image's place: for engines that lay it out so. */
export const UNKNOWN_IMAGE: ImageVariant = {
  key: "unknown token",
  features: async () => {
    throw new UnsupportedCapabilityError(
      "this engine puts no unknown token in an image's place; load the model with groundsight's load()",
    );
  },
};

/** The image as it is. */
export const ORIGINAL_IMAGE: ImageVariant = {
  key: "original",
  features: (pixels, encode) => encode(pixels),
};
