import { ShapeError } from "../../errors.js";
import type { ImageSource, Probe } from "../../index.js";
import { meanOfRows } from "../../math/mean-of-rows.js";

/**
 * An image as the model's own vision sees it: the mean over its tokens of what the projector makes of them, of unit
 * length, so that a scalar product is the cosine. The projector's features are the one place that every family has and
 * that lies in the space of words; a tower's states have another form in each.
 */
export async function imageVector(probe: Probe, image: ImageSource): Promise<Float32Array> {
  const { data, dims } = await probe.imageFeatures(image);
  const [tokens = 0, width = 0] = dims;
  const rows = Array.from({ length: tokens }, (_, i) => data.subarray(i * width, (i + 1) * width));
  const mean = meanOfRows(rows);
  const length = Math.hypot(...mean);
  if (!(length > 0 && Number.isFinite(length))) {
    throw new ShapeError(
      `image features: received a mean of length ${length}; expected finite features that are not all 0`,
    );
  }
  return mean.map((value) => value / length);
}
