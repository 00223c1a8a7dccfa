import type { TensorData } from "./tensor-data.js";

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
   * Image features of the variant.
   *
   * @param pixels normalised pixel values as the model's processor makes them, for example (1, 3, H, W); not to be modified
   * @param encode the model's vision encoder with projector
   * @returns features, (image tokens, hidden size) per image, in the layout that `encode` returned
   */
  features(pixels: TensorData, encode: EncodeImage): Promise<TensorData>;
}

/** The image as it is. */
export const ORIGINAL_IMAGE: ImageVariant = {
  key: "original",
  features: (pixels, encode) => encode(pixels),
};
