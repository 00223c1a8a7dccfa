import { groupBy } from "../../math/group-by.js";
import type {
  Benchmark,
  Counts,
  MetricValue,
  Question,
  ScoredQuestion,
} from "../contract/benchmark.js";
import { addCounts } from "../metrics/add-counts.js";
import { metricValues } from "../metrics/metric-values.js";
import { behaviourCounts } from "./behaviour-counts.js";

/** The questions of one group, or those with one tag, with their counts. */
export interface GroupScore {
  /** Whether questions are grouped by part of the benchmark, or by what an answer takes. */
  readonly by: "group" | "tag";
  readonly group: string;
  /** Number of answers. */
  readonly n: number;
  readonly counts: Counts;
  readonly metrics: Readonly<Record<string, MetricValue>>;
}

/** What is left of scored answers when their texts are gone. */
export interface ScoreSums {
  /** Number of answers. */
  readonly n: number;
  /** Answers that the rule could not read. */
  readonly unparsed: number;
  readonly counts: Counts;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** Counts by cluster, in order of first appearance: what the bootstrap draws from. */
  readonly clusters: ReadonlyMap<string, Counts>;
  /** Counts of what the answers are like, by cluster, for `behaviourMetrics`. */
  readonly behaviour: ReadonlyMap<string, Counts>;
  /** Where there are several: the parts of the benchmark, then the tags. */
  readonly groups: readonly GroupScore[];
}

interface GroupTally {
  readonly by: "group" | "tag";
  readonly group: string;
  n: number;
  readonly sums: Sums;
}

type Sums = Map<string, number>;

/**
 * Adds up scores as they come. Answers are kept only where a benchmark has counts that need all answers of a
 * cluster, until the last of these is there.
 */
export class ScoreTally {
  readonly #benchmark: Benchmark;
  readonly #clusterSizes: ReadonlyMap<string, number> | null;
  readonly #rule: string;
  readonly #clusters = new Map<string, Sums>();
  readonly #behaviour = new Map<string, Sums>();
  readonly #groups = new Map<string, GroupTally>();
  readonly #open = new Map<string, ScoredQuestion[]>();
  #n = 0;
  #unparsed = 0;

  /** @param questions all that may be answered, each once; where they are not known, answers are kept to the end */
  constructor(benchmark: Benchmark, rule: string, questions: readonly Question[] | null = null) {
    this.#benchmark = benchmark;
    this.#rule = rule;
    this.#clusterSizes =
      questions === null || benchmark.clusterCounts === undefined ? null : sizesOf(questions);
  }

  add(scored: ScoredQuestion): void {
    const { question, score } = scored;
    this.#n++;
    if (score.outcome === "unparsed") this.#unparsed++;
    addTo(sumsOf(this.#clusters, question.cluster), score.counts);
    const behaviour = behaviourCounts(this.#benchmark, this.#rule, scored);
    addTo(sumsOf(this.#behaviour, question.cluster), behaviour);
    for (const tally of this.#groupsOf(question)) {
      tally.n++;
      addTo(tally.sums, score.counts);
    }
    if (this.#benchmark.clusterCounts !== undefined) this.#hold(scored);
  }

  /** The sums of all that was added; nothing can be added afterwards. */
  sums(): ScoreSums {
    for (const cluster of [...this.#open.keys()]) this.#close(cluster);
    const clusters = countsByName(this.#clusters);
    const counts = addCounts(clusters.values());
    return {
      n: this.#n,
      unparsed: this.#unparsed,
      counts,
      metrics: metricValues(this.#benchmark, counts),
      clusters,
      behaviour: countsByName(this.#behaviour),
      groups: (["group", "tag"] as const).flatMap((by) => this.#groupScores(by)),
    };
  }

  #groupScores(by: "group" | "tag"): GroupScore[] {
    const tallies = [...this.#groups.values()].filter((one) => one.by === by);
    const n = tallies.reduce((sum, one) => sum + one.n, 0);
    if (tallies.length < 2 && n === this.#n && by === "group") return [];
    return tallies.map(({ group, n, sums }) => {
      const counts = countsOf(sums);
      return { by, group, n, counts, metrics: metricValues(this.#benchmark, counts) };
    });
  }

  #groupsOf({ group, tag }: Question): GroupTally[] {
    const tallyOf = (by: "group" | "tag", name: string) =>
      getOrSet(this.#groups, `${by} ${name}`, () => ({ by, group: name, n: 0, sums: new Map() }));
    return [
      ...(group === null ? [] : [tallyOf("group", group)]),
      ...(tag === undefined ? [] : [tallyOf("tag", tag)]),
    ];
  }

  #hold(scored: ScoredQuestion): void {
    const { cluster } = scored.question;
    const members = getOrSet(this.#open, cluster, () => []);
    members.push(scored);
    if (members.length === this.#clusterSizes?.get(cluster)) this.#close(cluster);
  }

  #close(cluster: string): void {
    const members = this.#open.get(cluster) ?? [];
    this.#open.delete(cluster);
    const counts = (some: readonly ScoredQuestion[]) => this.#benchmark.clusterCounts?.(some) ?? {};
    addTo(sumsOf(this.#clusters, cluster), counts(members));
    const tallies = members.flatMap((one) =>
      this.#groupsOf(one.question).map((tally) => ({ tally, one })),
    );
    for (const [tally, own] of groupBy(tallies, ({ tally }) => tally)) {
      addTo(tally.sums, counts(own.map(({ one }) => one)));
    }
  }
}

function sizesOf(questions: readonly Question[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { cluster } of questions) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  return sizes;
}

function getOrSet<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function sumsOf(all: Map<string, Sums>, name: string): Sums {
  return getOrSet(all, name, () => new Map());
}

function addTo(sums: Sums, counts: Counts): void {
  for (const key of Object.keys(counts)) sums.set(key, (sums.get(key) ?? 0) + (counts[key] ?? 0));
}

function countsByName(all: ReadonlyMap<string, Sums>): Map<string, Counts> {
  return new Map([...all].map(([name, sums]) => [name, countsOf(sums)]));
}

function countsOf(sums: Sums): Counts {
  return Object.fromEntries(sums);
}
