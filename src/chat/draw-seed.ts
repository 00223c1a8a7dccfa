/** The seed of a request that gives none: 0 for a greedy one, else a fresh one of 32 random bits, short enough to be typed again. */
export function drawSeed(temperature = 0): number {
  return temperature === 0 ? 0 : crypto.getRandomValues(new Uint32Array(1))[0]!;
}
