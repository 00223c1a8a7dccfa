import type { Counts, Metric } from "../contract/benchmark.js";
import { addCounts } from "../metrics/add-counts.js";
import { count, ratio } from "../metrics/ratio.js";
import { cellOfScore } from "../scoring/behaviour-counts.js";
import type { MethodResults } from "../statistics/compare-methods.js";
import { averaged, type Clusters, type ScoredMethod } from "./scored-method.js";

const NONE = "no answer has a greedy one beside it";

/**
 * How like the greedy answers of `regular` sampled ones are: the share that say the same, for yes/no questions; else
 * the words that both have, of those that either has.
 *
 *     |A and B| / |A or B|
 *
 * @see Jaccard 1912, New Phytologist 11
 */
export const likeness: Metric = {
  name: "likeness",
  title: "Like the greedy answers",
  unit: "share",
  better: "neither",
  of: (c) => ratio(count(c, "like.yes") + count(c, "like.no"), asked(c), NONE),
};

/** The same for the questions that the greedy answer says yes to, and no. Other answers all count as yes. */
export const likenessOfSide = (side: "yes" | "no"): Metric => ({
  ...likeness,
  name: `likeness_${side}`,
  of: (c) => ratio(count(c, `like.${side}`), count(c, `asked.${side}`), NONE),
});

function asked(c: Counts): number {
  return count(c, "asked.yes") + count(c, "asked.no");
}

/** What comparisons of {@link likeness} take of a method. */
export function likenessOf(sampled: ScoredMethod, greedy: ScoredMethod): MethodResults {
  const answers = new Map(greedy.scores[0]?.scored.map((one) => [one.question.id, one]));
  const all = sampled.scores.map(({ scored }): Clusters => {
    const clusters = new Map<string, Counts>();
    for (const one of scored) {
      const other = answers.get(one.question.id);
      if (other === undefined) continue;
      const { cluster } = one.question;
      const side = saidBy(other) === "no" ? "no" : "yes";
      const counts = { [`asked.${side}`]: 1, [`like.${side}`]: likenessTo(one, other) };
      clusters.set(cluster, addCounts([clusters.get(cluster) ?? {}, counts]));
    }
    return clusters;
  });
  return { method: sampled.method, clusters: averaged(all), right: null };
}

type Scored = ScoredMethod["scores"][number]["scored"][number];

function likenessTo(one: Scored, other: Scored): number {
  const [own, theirs] = [saidBy(one), saidBy(other)];
  if (own === null || theirs === null) return sharedWords(one.answer, other.answer);
  return own === theirs ? 1 : 0;
}

function saidBy({ score }: Scored): "yes" | "no" | null {
  const cell = cellOfScore(score);
  return cell === null ? null : cell === "tp" || cell === "fp" ? "yes" : "no";
}

/** Words that both texts have, of those that either has; 1 for two texts without words. */
export function sharedWords(a: string, b: string): number {
  const [first, second] = [a, b].map(
    (text) => new Set(text.toLowerCase().match(/[\p{L}\p{N}']+/gu)),
  );
  const both = [...first!].filter((word) => second!.has(word)).length;
  const either = first!.size + second!.size - both;
  return either === 0 ? 1 : both / either;
}
