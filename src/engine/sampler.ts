import { InferenceError } from "../errors.js";
import { type Scan, scan } from "../math/scan.js";
import type { SeededRandom } from "../math/seeded-random.js";
import { topIndices } from "../math/top-indices.js";

/** How a token is chosen from its scores; see the fields of the same name in GenerateRequest. */
export interface SamplerSettings {
  readonly temperature: number;
  readonly topK: number | undefined;
  readonly topP: number;
}

/** Candidate ids of a nucleus; kept between draws so that none makes garbage of the vocabulary's size. */
let scratch = new Int32Array(0);

/**
 * Chooses the next token: the arg-max at temperature 0, else a draw from softmax(scores / temperature) cut to the
 * top-k and then to the nucleus top-p. The exponents (score - max) / temperature are taken in double precision, so that
 * any temperature above 0 is sound.
 *
 * @param scores (V) in nats up to a constant, -Infinity excludes; not modified
 * @param random one uniform number is drawn from it per sampled token, none when greedy
 * @param found what a scan of the scores finds, where it was made already
 * @throws InferenceError when every token is excluded
 */
export function sampleToken(
  scores: Float32Array,
  { temperature, topK, topP }: SamplerSettings,
  random: SeededRandom,
  found: Scan = scan(scores),
): number {
  if (found.best < 0) {
    throw new InferenceError(
      "the method's scores exclude every token; expected at least one that is not -Infinity or NaN",
    );
  }
  if (temperature === 0) return found.best;
  const weight = (id: number): number => {
    const score = scores[id]!;
    return score > Number.NEGATIVE_INFINITY ? Math.exp((score - found.max) / temperature) : 0;
  };
  const best = bestOf(scores, topK);
  const ids = topP < 1 ? nucleus(scores, weight, best, topP) : best;
  const count = ids?.length ?? scores.length;
  const idAt = (i: number): number => (ids === undefined ? i : ids[i]!);
  let total = 0;
  for (let i = 0; i < count; i++) total += weight(idAt(i));
  let remaining = random.uniform() * total;
  let last = found.best;
  for (let i = 0; i < count; i++) {
    const id = idAt(i);
    const share = weight(id);
    if (share === 0) continue;
    remaining -= share;
    if (remaining < 0) return id;
    last = id;
  }
  return last;
}

/** The ids of the k best scores, best first; undefined where that leaves none out. */
function bestOf(scores: Float32Array, topK: number | undefined): number[] | undefined {
  if (topK === undefined || topK >= scores.length) return undefined;
  const best = topIndices(scores, topK);
  return best.length < topK ? undefined : best;
}

/**
 * The smallest head of the most likely ids whose probability reaches p, best first.
 *
 * @param ids the ids to choose among; all when undefined
 */
function nucleus(
  scores: Float32Array,
  weight: (id: number) => number,
  ids: readonly number[] | undefined,
  topP: number,
): Int32Array {
  const count = ids?.length ?? scores.length;
  if (scratch.length < count) scratch = new Int32Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) total += weight(ids === undefined ? i : ids[i]!);
  // Tokens below (1 - p) / n hold less than 1 - p together, so the nucleus lies among the others: fewer to sort.
  const floor = ((1 - topP) / count) * total;
  let length = 0;
  for (let i = 0; i < count; i++) {
    const id = ids === undefined ? i : ids[i]!;
    if (weight(id) >= floor) scratch[length++] = id;
  }
  const likely = scratch.subarray(0, length).sort((a, b) => scores[b]! - scores[a]! || a - b);
  let mass = 0;
  for (let i = 0; i < length; i++) {
    mass += weight(likely[i]!);
    if (mass >= topP * total) return likely.subarray(0, i + 1);
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
