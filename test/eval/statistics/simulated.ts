import type { Counts, Metric } from "../../../src/eval/contract/benchmark.js";
import { count, ratio } from "../../../src/eval/metrics/ratio.js";
import type { SeededRandom } from "../../../src/math/seeded-random.js";

export const accuracy: Metric = {
  name: "accuracy",
  title: "Accuracy",
  unit: "share",
  better: "higher",
  of: (c) => ratio(count(c, "correct"), count(c, "asked"), "no question"),
};

/**
 * Right and wrong answers of methods about images, with the correlation that real questions have: each
 * image has its own difficulty, shared by all its questions and methods.
 *
 * @returns for each method its clusters' counts, and whether each single question was right
 */
export function simulate(
  random: SeededRandom,
  { images, questions, methods }: { images: number; questions: number; methods: readonly number[] },
): { clusters: Counts[]; right: boolean[] }[] {
  const results = methods.map(() => ({ clusters: [] as Counts[], right: [] as boolean[] }));
  for (let image = 0; image < images; image++) {
    const shift = random.uniform() < 0.5 ? -0.2 : 0.2;
    for (const [m, result] of results.entries()) {
      let correct = 0;
      for (let question = 0; question < questions; question++) {
        const isRight = random.uniform() < methods[m]! + shift;
        result.right.push(isRight);
        correct += isRight ? 1 : 0;
      }
      result.clusters.push({ correct, asked: questions });
    }
  }
  return results;
}
