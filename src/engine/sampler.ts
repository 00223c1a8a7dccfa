import { InferenceError } from "../errors.js";
import { argMax } from "../math/arg-max.js";
import { logSumExp } from "../math/log-sum-exp.js";
import type { SeededRandom } from "../math/seeded-random.js";
import { topIndices } from "../math/top-indices.js";

/** How a token is chosen from its scores; see the fields of the same name in GenerateRequest. */
export interface SamplerSettings {
  readonly temperature: number;
  readonly topK: number | undefined;
  readonly topP: number;
}

/**
 * Chooses the next token: the arg-max at temperature 0, else a draw from softmax(scores / temperature) cut to the
 * top-k and then to the nucleus top-p.
 *
 * @param scores (V) in nats up to a constant, -Infinity excludes; not modified
 * @param random one uniform number is drawn from it per sampled token, none when greedy
 * @throws InferenceError when every token is excluded
 */
export function sampleToken(
  scores: Float32Array,
  settings: SamplerSettings,
  random: SeededRandom,
): number {
  if (settings.temperature === 0) {
    const best = argMax(scores);
    if (!(scores[best]! > Number.NEGATIVE_INFINITY)) throw nothingLeft();
    return best;
  }
  const logits = scores.map((score) => score / settings.temperature);
  const candidates = candidateTokens(logits, settings);
  if (candidates.length === 0) throw nothingLeft();
  const norm = logSumExp(candidates.map((id) => logits[id]!));
  let remaining = random.uniform();
  for (const id of candidates) {
    remaining -= Math.exp(logits[id]! - norm);
    if (remaining < 0) return id;
  }
  return candidates[candidates.length - 1]!;
}

function nothingLeft(): InferenceError {
  return new InferenceError(
    "the method's scores exclude every token; expected at least one that is not -Infinity or NaN",
  );
}

/** Ids that may be drawn: those of the top-k, best first, then the smallest head of them whose probability reaches p. */
function candidateTokens(logits: Float32Array, { topK, topP }: SamplerSettings): number[] {
  const finite: number[] = [];
  for (let id = 0; id < logits.length; id++)
    if (logits[id]! > Number.NEGATIVE_INFINITY) finite.push(id);
  const kept = topK !== undefined && topK < finite.length ? topIndices(logits, topK) : finite;
  return topP < 1 ? nucleus(logits, kept, topP) : kept;
}

function nucleus(logits: Float32Array, ids: readonly number[], topP: number): number[] {
  const norm = logSumExp(ids.map((id) => logits[id]!));
  const probability = (id: number) => Math.exp(logits[id]! - norm);
  // Tokens below (1 - p) / n hold less than 1 - p together, so the nucleus lies among the others: fewer to sort.
  const floor = (1 - topP) / ids.length;
  const likely = ids.filter((id) => probability(id) >= floor);
  likely.sort((a, b) => logits[b]! - logits[a]! || a - b);
  let mass = 0;
  for (let i = 0; i < likely.length; i++) {
    mass += probability(likely[i]!);
    if (mass >= topP) return likely.slice(0, i + 1);
  }
  return likely;
}

/**
 * Makes tokens that occurred already less likely: positive scores are divided by the penalty, negative ones multiplied.
 *
 * @param scores (V), changed in place
 * @param seen ids of prompt and answer
 * @see Keskar et al. 2019 (arXiv 1909.05858), section 4.1
 */
export function penaliseRepetition(
  scores: Float32Array,
  seen: ReadonlySet<number>,
  penalty: number,
): void {
  for (const id of seen) {
    const score = scores[id];
    if (score !== undefined) scores[id] = score > 0 ? score / penalty : score * penalty;
  }
}
