import type { TrustCalibration } from "./calibration.js";
import type { PhraseOptions } from "./find-phrases.js";
import type { SignalName } from "./signals.js";

/** How phrases are assessed. */
export interface TrustOptions extends PhraseOptions {
  /**
   * How signals are combined: the calibration that comes with the package for this model where left out, null for none:
   * then self-verification alone decides, by its sign.
   */
  readonly calibration?: TrustCalibration | null;
  /** Signals to read besides those of the calibration, or besides self-verification where there is none. */
  readonly signals?: readonly SignalName[];
  /**
   * How the model is asked whether an object is there, with `{object}` in its place. Default: the calibration's, else
   * "Is there a {object} in the image?\nAnswer the question using a single word".
   */
  readonly wording?: string;
  /** How it is asked for any element of the image (LPFV). Default: the calibration's, else the authors'. */
  readonly elementPrompt?: string;
  /** Layers whose attention to the image is read, from 0. Default: the middle ones, 5/32 to 18/32 of all. */
  readonly attentionLayers?: readonly number[];
  /** Hidden states that the logit lens reads, from 0, the embeddings, to the number of layers. Default: all, as its authors do. */
  readonly lensLayers?: readonly number[];
}
