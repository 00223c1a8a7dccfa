/** How a file's questions are cut in two: those to choose settings by, and those for figures. */
export interface DevSplit {
  /** Which images fall to which part. */
  readonly seed: number;
  /** Share of the images in the dev part, above 0 and below 1. */
  readonly share: number;
}

/** One part of a file's questions. */
export interface SplitPart extends DevSplit {
  readonly part: "dev" | "test";
}

/** From which margin on a yes is best on the dev questions of a benchmark: see the control `threshold`. */
export interface DevThreshold {
  readonly benchmark: string;
  readonly rule: string;
  /** Which of the benchmark's prompts was asked; absent for its first or only one. */
  readonly promptVariant?: string;
  readonly promptSuffix: string;
  /** Number of questions that it was chosen on. */
  readonly questions: number;
  /** In nats. */
  readonly threshold: number;
}

/** What a run's settings keep of how a method's setting was chosen. */
export interface TunedMark {
  /** Names of the question files. */
  readonly sets: readonly string[];
  /** Null where the questions were files of their own. */
  readonly split: DevSplit | null;
  readonly questions: number;
  readonly images: number;
  /** Number of settings that were tried. */
  readonly tried: number;
  readonly decoding: "greedy" | "sampling";
  /** Chosen on the same questions; absent where none was, as by older versions. */
  readonly thresholds?: readonly DevThreshold[];
  /** The checkpoint that answered. */
  readonly model: { readonly id: string; readonly hash: string };
}
