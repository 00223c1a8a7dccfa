import type { AnalysisContext, Estimate } from "../contract/analysis.js";
import { type ClusterOptions, meanEstimate, PERCENT } from "../statistics/cluster-estimate.js";
import { CAPTION_ROW } from "./captions.js";
import { clearFeatures, noiseVariances, Spread } from "./feature-noise.js";
import { keepOne } from "./kept-work.js";

/** The share of features that the paper found to vary much. */
const TAIL = 0.15;
/** What the 15% largest of exponentially distributed numbers hold of their sum: 0.15 (1 - ln 0.15), in percent. */
export const EXPONENTIAL_TAIL: number = 100 * TAIL * (1 - Math.log(TAIL));
/** Shares of features at which their variances are drawn. */
export const QUANTILES: readonly number[] = [5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 99];

/** What noise of one strength does to features: figures in percent, and variances by share of features. */
export interface FeatureFigures {
  readonly step: number;
  readonly unstable: Estimate;
  readonly tail: Estimate;
  readonly quantiles: readonly Estimate[];
}

/** The variances of an image's features under noise, over their variances between images. */
interface ImageNoise {
  readonly image: string;
  readonly unstable: number;
  readonly tail: number;
  readonly quantiles: readonly number[];
}

/**
 * Noises every image of the captions, and tells how their features vary.
 *
 * @param steps diffusion steps of the noise
 * @param onStep called (steps + 1) x captions times at most
 */
export async function featureFigures(
  context: Pick<AnalysisContext, "model" | "data" | "seed" | "signal" | "keep">,
  { copies, unstable }: { readonly copies: number; readonly unstable: number },
  steps: readonly number[],
  onStep: () => void,
): Promise<FeatureFigures[]> {
  const { model, data, seed, signal, keep } = context;
  const rows = await data.rows("captions.jsonl", CAPTION_ROW);
  const images = [...new Set(rows.map(({ value }) => value.image))];
  let between: Spread | undefined;
  for (const image of images) {
    const { data: clear, dims } = await clearFeatures(model, data.image(image), signal);
    between ??= new Spread(dims.at(-1)!);
    between.add(clear);
    onStep();
  }
  const scale = between!.variances;
  const figures: FeatureFigures[] = [];
  for (const step of steps) {
    const found: ImageNoise[] = [];
    for (const image of images) {
      const noise = { step, copies, seed };
      const key = { image: data.image(image), noise, scale: [...scale], unstable };
      const told = await keepOne(keep, key, async () => {
        const variances = await noiseVariances(model, data.image(image), noise, signal);
        const relative = variances.map((one, i) => over(one, scale[i % scale.length]!)).sort();
        return imageNoise(relative, unstable);
      });
      found.push({ image, ...told });
      onStep();
    }
    const mean = (of: (one: ImageNoise) => number, options: ClusterOptions = {}) =>
      meanEstimate(found, ({ image }) => image, of, { seed, ...options });
    figures.push({
      step,
      unstable: mean((one) => one.unstable, { range: PERCENT }),
      tail: mean(({ tail }) => tail),
      quantiles: QUANTILES.map((_, q) => mean(({ quantiles }) => quantiles[q]!)),
    });
  }
  return figures;
}

/** @param relative ascending */
function imageNoise(relative: Float64Array, unstable: number): Omit<ImageNoise, "image"> {
  const { length } = relative;
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const largest = relative.subarray(length - Math.round(TAIL * length));
  return {
    unstable: (100 * relative.filter((value) => value > unstable).length) / length,
    tail: (100 * sum(largest)) / sum(relative),
    quantiles: QUANTILES.map(
      (q) => relative[Math.min(length - 1, Math.floor((q / 100) * length))]!,
    ),
  };
}

/** A variance over another; 0 where nothing varies at all. */
function over(variance: number, between: number): number {
  return variance === 0 ? 0 : variance / between;
}
