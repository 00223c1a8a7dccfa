import { logSoftmax } from "../math/log-softmax.js";

/** How divergences over the positions of a description become one number per token. */
export type KlReduction = "min" | "avg" | "sum";

/**
 * How well each token is grounded in a description, from the next-token distributions at its positions.
 *
 * The divergence of token k from position j is KL(onehot(k) || p_j) = -ln p_j[k]. Over all positions
 *
 *     min_j KL = -max_j ln p_j[k],   sum_j KL = -sum_j ln p_j[k],   avg_j KL = sum_j KL / n,
 *
 * so two running arrays (V) hold all that is needed, however long the description: no position is kept.
 *
 * @see Ghosh et al. 2025 (arXiv 2405.15683), section 5
 */
export class DescriptionTable {
  #largest = new Float32Array(0);
  #sum = new Float64Array(0);
  #positions = 0;

  /** Number of positions seen. */
  get positions(): number {
    return this.#positions;
  }

  /** Size of the two arrays: 12 V. */
  get bytes(): number {
    return this.#largest.byteLength + this.#sum.byteLength;
  }

  /**
   * Adds one position of the description.
   *
   * @param logits (V), raw logits of the next token; not modified
   */
  add(logits: Float32Array): void {
    const logProbs = logSoftmax(logits);
    if (this.#positions === 0) {
      this.#largest = new Float32Array(logits.length).fill(Number.NEGATIVE_INFINITY);
      this.#sum = new Float64Array(logits.length);
    }
    for (let k = 0; k < logProbs.length; k++) {
      if (logProbs[k]! > this.#largest[k]!) this.#largest[k] = logProbs[k]!;
      this.#sum[k]! += logProbs[k]!;
    }
    this.#positions++;
  }

  /**
   * reduce_j KL(onehot(token) || p_j) in nats, at least 0.
   *
   * @param token id from 0 to V - 1
   */
  divergence(token: number, reduction: KlReduction): number {
    if (reduction === "min") return -this.#largest[token]!;
    const sum = -this.#sum[token]!;
    return reduction === "sum" ? sum : sum / this.#positions;
  }
}
