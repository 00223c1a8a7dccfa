import type { Method } from "../engine/method.js";
import type { View } from "../engine/view.js";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../errors.js";
import { like, type StockTensor } from "./stock.js";

/**
 * The pixel values of a stream's images: the processor's, changed as the stream's variants change them.
 *
 * @param pixels of all images along the first axis, or of one image in any layout
 * @throws UnsupportedCapabilityError for variants that change the picture before its processing, or features
 */
export async function variantPixels(
  method: Method,
  pixels: StockTensor,
  view: View,
  images: number,
): Promise<StockTensor> {
  const data = pixels.data as Float32Array;
  if (images > 1 && pixels.dims[0] !== images) {
    throw new InvalidArgumentError(
      `withMethod: pixel_values have ${pixels.dims[0]} rows for ${images} images; expected one for each: ask about one image`,
    );
  }
  const size = data.length / images;
  const seen = new Float32Array(data.length);
  for (const part of view.flatMap(({ parts }) => parts)) {
    if (part.type !== "image") continue;
    const { variant, image } = part;
    if (variant.picture !== undefined) refuse(method, "changes the picture before it is processed");
    const own = data.slice(image * size, (image + 1) * size);
    const dims = images > 1 ? [1, ...pixels.dims.slice(1)] : pixels.dims;
    const encoded: { data: Float32Array; dims: readonly number[] }[] = [];
    const features = await variant.features({ data: own, dims }, async (given) => {
      encoded.push(given);
      return given;
    });
    if (encoded.length !== 1 || features !== encoded[0]) refuse(method, "changes image features");
    seen.set(encoded[0]!.data, image * size);
  }
  return like(pixels, seen);
}

function refuse(method: Method, what: string): never {
  throw new UnsupportedCapabilityError(
    `method ${method.name}: it ${what}, which cannot be done between stock transformers.js's processor and model; load the model with groundsight's load()`,
  );
}
