import {
  diffuse,
  type EncodeImage,
  type ImageSource,
  type ImageVariant,
  type Model,
  mapImages,
  type SeededRandom,
  type TensorData,
} from "../../index.js";

/** Sums over numbers that come one after the other (Welford's, which do not cancel). */
export class Spread {
  readonly #means: Float64Array;
  readonly #squares: Float64Array;
  readonly #counts: Uint32Array;

  /** @param size how many variances are told apart */
  constructor(size: number) {
    this.#means = new Float64Array(size);
    this.#squares = new Float64Array(size);
    this.#counts = new Uint32Array(size);
  }

  /** Takes numbers in; the one at i belongs to variance i modulo the size. */
  add(values: ArrayLike<number>): void {
    const size = this.#means.length;
    for (let i = 0; i < values.length; i++) {
      const at = i % size;
      const off = values[i]! - this.#means[at]!;
      this.#counts[at]!++;
      this.#means[at]! += off / this.#counts[at]!;
      this.#squares[at]! += off * (values[i]! - this.#means[at]!);
    }
  }

  /** With n - 1 in the denominator. */
  get variances(): Float64Array {
    return this.#squares.map((square, i) => square / (this.#counts[i]! - 1));
  }
}

/** Features of an image, (tokens, hidden size), as the decoder gets them. */
export async function clearFeatures(
  model: Model,
  image: ImageSource,
  signal: AbortSignal,
): Promise<TensorData> {
  let clear: TensorData | undefined;
  await whileEncoding(model, { image, seed: 0, signal }, async (pixels, encode) => {
    clear = await encode(pixels);
    return clear;
  });
  return clear!;
}

/**
 * The variance of each feature of an image over noised copies of it.
 *
 * @param step diffusion step t of each copy, 0 to 999
 * @param copies at least 2
 * @returns (tokens, hidden size)
 */
export async function noiseVariances(
  model: Model,
  image: ImageSource,
  { step, copies, seed }: { readonly step: number; readonly copies: number; readonly seed: number },
  signal: AbortSignal,
): Promise<Float64Array> {
  let spread: Spread | undefined;
  await whileEncoding(model, { image, seed, signal }, async (pixels, encode, random) => {
    let features: TensorData | undefined;
    for (let copy = 0; copy < copies; copy++) {
      features = await encode({ ...pixels, data: diffuse(pixels.data, step, random) });
      spread ??= new Spread(features.data.length);
      spread.add(features.data);
    }
    return features!;
  });
  return spread!.variances;
}

/** Features of equal keys are computed once, so that each visit has one of its own. */
let visits = 0;

/** Lets an image be encoded in whatever way, by reading an answer about it. */
async function whileEncoding(
  model: Model,
  given: { readonly image: ImageSource; readonly seed: number; readonly signal: AbortSignal },
  visit: (pixels: TensorData, encode: EncodeImage, random: SeededRandom) => Promise<TensorData>,
): Promise<void> {
  const [token = 0] = await model.encode("a");
  await model.read(
    { ...given, prompt: "?", answer: [token] },
    {
      streams: ({ view, random }) => {
        const noise = random("feature noise", 0);
        const visiting = (original: ImageVariant): ImageVariant => ({
          key: `${original.key}, visit ${++visits}`,
          features: (pixels, encode) =>
            visit(pixels, (seen) => original.features(seen, encode), noise),
        });
        return [{ view: mapImages(view, visiting) }];
      },
      onPosition: () => {},
    },
  );
}
