import { elbow } from "../../math/elbow.js";
import { entropy } from "../../math/entropy.js";
import { klDivergence } from "../../math/kl-divergence.js";
import { plausibleCount } from "../../math/plausible-count.js";
import { rankOf } from "../../math/rank-of.js";
import { topIndices } from "../../math/top-indices.js";
import type {
  BaseView,
  LikelyToken,
  OtherView,
  Shift,
  TokenEvidence,
} from "../contract/explanation.js";

/** The elbow is looked for among so many of the likeliest tokens: beyond them a curve over V tokens is all tail. */
export const ELBOW_TOKENS = 100;

/** A likely token before its text is known. */
export type LikelyId = Omit<LikelyToken, "text">;

/** What is told of a token, with ids in the place of likely tokens. */
type Numbers<Told> = Omit<Told, "top"> & { readonly top: readonly LikelyId[] };

/** What one distribution tells of a token. */
export type OwnNumbers = Numbers<
  Pick<TokenEvidence, "logprob" | "probability" | "rank" | "entropy" | "plausible" | "elbow">
>;

/** What another way of seeing the question tells of a token. */
export type OtherNumbers = Numbers<OtherView>;

/** What a base LLM tells of a token. */
export type BaseNumbers = Numbers<BaseView>;

/**
 * Reduces the distribution over a token's place.
 *
 * @param logProbs ln p (V) given the question as it is
 * @param beta see `plausible` of {@link TokenEvidence}
 */
export function ownNumbers(
  logProbs: Float32Array,
  token: number,
  { beta, top }: { readonly beta: number; readonly top: number },
): OwnNumbers {
  const likeliest = topIndices(logProbs, Math.max(top, ELBOW_TOKENS));
  const logprob = logProbs[token]!;
  return {
    logprob,
    probability: Math.exp(logprob),
    rank: rankOf(logProbs, token),
    entropy: entropy(logProbs),
    plausible: plausibleCount(logProbs, beta),
    elbow: elbow(likeliest.slice(0, ELBOW_TOKENS).map((id) => Math.exp(logProbs[id]!))),
    top: likely(likeliest.slice(0, top), logProbs),
  };
}

/**
 * Reduces the distribution that another way of seeing the question gives.
 *
 * @param own ln p (V) given the question as it is
 * @param other ln p' (V) given the other
 */
export function otherNumbers(
  own: Float32Array,
  other: Float32Array,
  token: number,
  top: number,
): OtherNumbers {
  return {
    logprob: other[token]!,
    difference: own[token]! - other[token]!,
    divergence: klDivergence(own, other),
    top: likely(topIndices(other, top), other),
  };
}

/**
 * Reduces the distribution that a base LLM gives.
 *
 * @param logProbs ln p (V of the base LLM)
 */
export function baseNumbers(logProbs: Float32Array, token: number, top: number): BaseNumbers {
  const rank = rankOf(logProbs, token);
  return {
    rank,
    logprob: logProbs[token]!,
    shift: shiftOf(rank),
    top: likely(topIndices(logProbs, top), logProbs),
  };
}

/**
 * Names a base rank.
 *
 * @see Lin et al. 2024 (arXiv 2312.01552), whose thresholds these are
 */
export function shiftOf(rank: number): Shift {
  if (rank === 0) return "unshifted";
  return rank <= 2 ? "marginal" : "shifted";
}

function likely(ids: readonly number[], logProbs: Float32Array): LikelyId[] {
  return ids.map((id) => ({ id, logprob: logProbs[id]! }));
}
