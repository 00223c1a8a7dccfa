import { checkNames } from "../arguments/check-names.js";
import type { ImageSource } from "../engine/conversation.js";
import type { Pooling } from "../engine/probe.js";
import { InvalidArgumentError } from "../errors.js";
import type { Estimator, VisualGrouping } from "./directions.js";

/** An image with a true caption, and the same caption with things in it that the image does not show. */
export interface Demonstration {
  readonly image: ImageSource;
  /** What the captions answer, for example "Describe the image." */
  readonly prompt: string;
  readonly caption: string;
  readonly hallucinated: string;
}

/** The graphs that directions are fitted for. */
export type FittedParts = "both" | "text";

/** Options of {@link fitDirections}. */
export interface FitOptions {
  /**
   * Which directions are fitted: those of the decoder alone, or those of the vision tower too, the default. Towers that take
   * each image in its own size (Qwen-VL) have none.
   */
  readonly parts?: FittedParts;
  /** Share of patches hidden in each masking, in [0, 1]. The authors' script uses 0.99. Default 0.9. */
  readonly maskRatio?: number;
  /** Number of maskings per image, at least 1. Default 50, as the authors'. */
  readonly maskings?: number;
  /** Number of principal components added to the mean difference, at least 1. Default 1, as the authors'. */
  readonly rank?: number;
  /** Default "token", the paper's; "official" is what the authors' code computes. */
  readonly grouping?: VisualGrouping;
  /** How a direction is made of the differences. Default "component", the authors'. */
  readonly estimator?: Estimator;
  /** Which states of a caption are compared: at its last token (the authors', the default), or the mean over its tokens. */
  readonly pooling?: Pooling;
  /**
   * Pairs whose captions are both true, `caption` being the shorter one: what sets them apart is length and no truth. With
   * them, facts tell how far the textual direction is that of length. At least 4; none by default.
   */
  readonly controls?: readonly Demonstration[];
  /** Fixes the maskings and the halves that are compared. Default 0. */
  readonly seed?: number;
  /** Told after each demonstration. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const OPTIONS = [
  "parts",
  "maskRatio",
  "maskings",
  "rank",
  "grouping",
  "estimator",
  "pooling",
  "controls",
  "seed",
  "onProgress",
  "signal",
];
const ESTIMATORS: readonly string[] = ["component", "mean", "unit-mean"];
/** What decides the directions, as it is stored with them: of the controls their number. */
export type FitSettings = Required<
  Omit<FitOptions, "parts" | "controls" | "onProgress" | "signal">
> & {
  readonly controls: number;
};

/**
 * The settings of a fit.
 *
 * @throws InvalidArgumentError for unknown options, values out of range, too few demonstrations or equal captions
 */
export function checkFit(
  demonstrations: readonly Demonstration[],
  options: FitOptions,
): FitSettings {
  checkNames(options, OPTIONS, "fitDirections has no option");
  const { maskRatio = 0.9, maskings = 50, rank = 1, grouping = "token", seed = 0 } = options;
  const { estimator = "component", pooling = "last", controls = [] } = options;
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
  const check = (isRight: boolean, name: string, value: unknown, expected: string): void => {
    if (!isRight)
      throw new InvalidArgumentError(`${name}: received ${value}; expected ${expected}`);
  };
  const { parts = "both" } = options;
  check(["both", "text"].includes(parts), "parts", parts, "both or text");
  for (const name of ["maskRatio", "maskings", "grouping"] as const) {
    const isOfNoUse = parts === "text" && options[name] !== undefined;
    check(
      !isOfNoUse,
      name,
      options[name],
      "none with the text alone, which no patch is hidden for",
    );
  }
  const count = demonstrations.length;
  check(maskRatio >= 0 && maskRatio <= 1, "maskRatio", maskRatio, "a number from 0 to 1");
  check(isCount(maskings), "maskings", maskings, "an integer of at least 1");
  check(["token", "official"].includes(grouping), "grouping", grouping, "token or official");
  check(ESTIMATORS.includes(estimator), "estimator", estimator, ESTIMATORS.join(", "));
  check(["last", "mean"].includes(pooling), "pooling", pooling, "last or mean");
  check(
    estimator === "component" || options.rank === undefined,
    "rank",
    rank,
    `none with the estimator ${estimator}, which has no components`,
  );
  check(count >= 4, "demonstrations", count, "at least 4");
  const { length } = controls;
  check(length === 0 || length >= 4, "controls", length, "none or at least 4");
  const most = Math.floor(count / 2) - 1;
  check(
    isCount(rank) && rank <= most,
    "rank",
    rank,
    `an integer from 1 to ${most} for ${count} demonstrations`,
  );
  const checkPairs = (pairs: readonly Demonstration[], name: string, expected: string): void => {
    pairs.forEach(({ caption, hallucinated }, i) => {
      const differ = caption.trim() !== hallucinated.trim();
      check(differ, `${name} ${i}`, "two equal captions", expected);
    });
  };
  checkPairs(demonstrations, "demonstration", "a true and a hallucinated one");
  checkPairs(controls, "control", "a shorter and a longer one");
  return { maskRatio, maskings, rank, grouping, estimator, pooling, controls: length, seed };
}
