/** What is told of an answer: the JSON of `explain`, the trace file and what the page reads. */

/** A token with its log-probability in nats. */
export interface LikelyToken {
  readonly id: number;
  readonly text: string;
  readonly logprob: number;
}

/** Whether a base LLM would have said the same: rank 0, rank 1 to 2, or beyond (Lin et al. 2024, Ghosh et al. 2025). */
export type Shift = "unshifted" | "marginal" | "shifted";

/** What another way of seeing the question gives a token. */
export interface OtherView {
  readonly logprob: number;
  /** ln p(token | question as it is) - ln p(token | this view), in nats: above 0, the difference speaks for the token. */
  readonly difference: number;
  /** KL(question as it is || this view) of the whole distribution, in nats, at least 0. */
  readonly divergence: number;
  readonly top: readonly LikelyToken[];
}

/** What the base LLM makes of a token. */
export interface BaseView {
  /** How many tokens the base LLM finds likelier, from 0. */
  readonly rank: number;
  readonly logprob: number;
  readonly shift: Shift;
  readonly top: readonly LikelyToken[];
}

/** Numbers laid over an image's patches or cells. */
export interface PatchMap {
  readonly rows: number;
  readonly columns: number;
  /** (rows x columns), row by row from the top left. */
  readonly values: readonly number[];
  readonly how: "occlusion" | "attention";
}

/** One token of the answer with the evidence for it. */
export interface TokenEvidence {
  readonly id: number;
  readonly text: string;
  /** Where it stands in the answer: offsets of UTF-16 units, the end exclusive. */
  readonly start: number;
  readonly end: number;
  /** In nats, given the question as it is. */
  readonly logprob: number;
  readonly probability: number;
  /** How many tokens are likelier, from 0. */
  readonly rank: number;
  /** Of the whole distribution, in nats. */
  readonly entropy: number;
  /** |V_head|: how many tokens have at least beta of the best one's probability (VCD's plausibility). */
  readonly plausible: number;
  /** k at the elbow of the sorted probabilities: how many tokens compete. */
  readonly elbow: number;
  readonly top: readonly LikelyToken[];
  /** The image under VCD's noise; null without an image, and where it was not read. */
  readonly distorted: OtherView | null;
  /** The question without its image; null without an image, and where it was not read. */
  readonly imageless: OtherView | null;
  /** Null where there is no base LLM. */
  readonly base: BaseView | null;
  /** Share of attention that lies on the image, over layers and heads; only where it was asked for. */
  readonly attention?: number;
  /** Where in the image its support lies; only where it was asked for. */
  readonly map?: PatchMap;
}

/** Kinds of phrases that can be hallucinated (Ghosh et al. 2025). */
export type PhraseKind = "object" | "relation-action" | "relation";

/** Why a phrase was hallucinated (Ghosh et al. 2025). */
export type Cause = "language" | "instruction-tuning" | "style" | "vision";

/** A phrase of the answer, and whether it can be trusted. */
export interface PhraseEvidence {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly kind: PhraseKind;
  /** Its tokens: first, and last exclusive. */
  readonly tokens: readonly [number, number];
  /** The object's canonical name. */
  readonly object?: string;
  /** Estimated probability that it is there, 0 to 1; null where nothing was asked about it. */
  readonly trust: number | null;
  /** What trust was made of, by name of the signal; null where a signal could not be read. */
  readonly signals: Readonly<Record<string, number | null>>;
  readonly doubtful: boolean;
  /** Why it is doubtful, in words. */
  readonly reasons: readonly string[];
  readonly cause?: Cause;
}

/** The base LLM that tokens were held against. */
export interface ExplanationBase {
  readonly id: string;
  /** "approximation": the model itself without the image. */
  readonly kind: "base-llm" | "approximation";
}

/** An answer explained. */
export interface Explanation {
  readonly schemaVersion: 1;
  readonly model: { readonly id: string; readonly dtype: string; readonly hash: string };
  readonly base: ExplanationBase | null;
  readonly question: string;
  readonly answer: string;
  /** Whether the model gave the answer here, greedily; else it was given. */
  readonly generated: boolean;
  readonly seed: number;
  /** Settings of the evidence. */
  readonly settings: { readonly beta: number; readonly noiseStep: number };
  /** `dataUrl` stands in trace files, so that the page can show the image. */
  readonly image: {
    readonly width: number;
    readonly height: number;
    readonly dataUrl?: string;
  } | null;
  readonly tokens: readonly TokenEvidence[];
  readonly phrases: readonly PhraseEvidence[];
  /** What could not be told, and why. */
  readonly warnings: readonly string[];
}
