import { groupBy } from "../../math/group-by.js";
import type { Benchmark, Counts } from "../contract/benchmark.js";
import { addCounts } from "../metrics/add-counts.js";
import { metricValues } from "../metrics/metric-values.js";
import type { GroupScore, ScoreSums } from "./score-tally.js";

/** Scores of several files as one. Clusters of one name, such as an image that several files ask about, are one. */
export function addScores(benchmark: Benchmark, scores: readonly ScoreSums[]): ScoreSums {
  const clusters = addClusters(scores.map((one) => one.clusters));
  const counts = addCounts(clusters.values());
  return {
    n: scores.reduce((sum, { n }) => sum + n, 0),
    unparsed: scores.reduce((sum, { unparsed }) => sum + unparsed, 0),
    counts,
    metrics: metricValues(benchmark, counts),
    clusters,
    behaviour: addClusters(scores.map((one) => one.behaviour)),
    groups: addGroups(benchmark, scores),
  };
}

/** Counts of several scores by cluster; those of one name are added up. */
export function addClusters(all: readonly ReadonlyMap<string, Counts>[]): Map<string, Counts> {
  const sums = new Map<string, Counts>();
  for (const clusters of all) {
    for (const [cluster, counts] of clusters) {
      sums.set(cluster, addCounts([sums.get(cluster) ?? {}, counts]));
    }
  }
  return sums;
}

/** Groups and tags of several scores, those of one name together. */
export function addGroups(
  benchmark: Benchmark,
  scores: readonly Pick<ScoreSums, "groups">[],
): GroupScore[] {
  const all = scores.flatMap(({ groups }) => groups);
  return [...groupBy(all, ({ by, group }) => `${by} ${group}`).values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const counts = addCounts(members.map((one) => one.counts));
    const n = members.reduce((sum, one) => sum + one.n, 0);
    return [
      { by: first.by, group: first.group, n, counts, metrics: metricValues(benchmark, counts) },
    ];
  });
}
