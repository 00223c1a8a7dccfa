import { InvalidArgumentError } from "../errors.js";

/**
 * A pseudo-random generator whose draws depend on its seed alone (sfc32, seeded through splitmix32).
 * Not for cryptography.
 *
 * @see PractRand, Chris Doty-Humphrey, for sfc32
 */
export class SeededRandom {
  readonly #state: Uint32Array = new Uint32Array(4);
  #spare: number | undefined;

  /**
   * @param seed integer in [0, 2^53)
   * @param stream name of an independent sequence under the same seed, so that for example the noise
   *   of an image does not depend on how many tokens were drawn before
   * @throws InvalidArgumentError when the seed is not such an integer
   */
  constructor(seed: number, stream = "") {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new InvalidArgumentError(
        `seed: received ${seed}; expected an integer from 0 to 2^53 - 1`,
      );
    }
    let mix = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
    for (let i = 0; i < stream.length; i++)
      mix = Math.imul(mix ^ stream.charCodeAt(i), 0x01000193) >>> 0;
    const high = Math.floor(seed / 2 ** 32) >>> 0;
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) >>> 0;
      let z = mix;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.#state[i] = (z ^ (z >>> 16)) + (i === 3 ? high : 0);
    }
    for (let i = 0; i < 12; i++) this.#next32();
  }

  #next32(): number {
    const s = this.#state;
    const result = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + result;
    return result;
  }

  /** A number drawn uniformly from [0, 1) with 53 bits. */
  uniform(): number {
    return ((this.#next32() >>> 5) * 67108864 + (this.#next32() >>> 6)) / 9007199254740992;
  }

  /**
   * An integer drawn uniformly from 0 to `bound` - 1.
   *
   * @param bound integer of at least 1
   */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** A number drawn from the normal distribution with mean 0 and variance 1 (Box-Muller). */
  gaussian(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * Independent standard normal draws.
   *
   * @returns (length), new
   */
  gaussians(length: number): Float32Array {
    const draws = new Float32Array(length);
    for (let i = 0; i < length; i++) draws[i] = this.gaussian();
    return draws;
  }
}
