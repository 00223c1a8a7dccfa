import { groupBy } from "../../math/group-by.js";
import type { Benchmark } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { behaviourMetrics } from "../metrics/behaviour-metrics.js";
import type { RunSet } from "../run/plan-run.js";
import { addClusters, addGroups } from "../scoring/add-scores.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import type { BenchmarkScore } from "../scoring/score-answers.js";
import { clustersWith } from "../statistics/unvaried.js";
import type { DevThreshold } from "../store/tuned.js";
import { againstReferences } from "./against-references.js";
import { behaviourOf } from "./analyse-behaviour.js";
import { findingsOf } from "./analyse-findings.js";
import { frontierOf } from "./analyse-frontier.js";
import { transitionsOf } from "./analyse-transitions.js";
import { decodingCost } from "./decoding-cost.js";
import type {
  Ability,
  Decoding,
  Disagreement,
  GroupFigures,
  MethodFigures,
  SetAnalysis,
} from "./run-analysis.js";
import { scoreControls } from "./score-controls.js";
import {
  type AnsweredSeries,
  type FiguresByMethod,
  figuresOf,
  infoOf,
  type NamedFigures,
  resultsOf,
  type ScoredMethod,
} from "./scored-method.js";

const EXAMPLES = 8;

/**
 * Figures, comparisons and examples of one set from the answers of all its series, with rests.
 *
 * @param methods the same answers, scored
 */
export function* analyseSet(
  set: Pick<RunSet, "name" | "benchmark" | "rule"> & {
    readonly devThreshold?: DevThreshold | null;
  },
  series: readonly AnsweredSeries[],
  methods: readonly ScoredMethod[],
): Turns<Omit<SetAnalysis, "judging" | "failures">> {
  const { devThreshold = null } = set;
  const controls = yield* scoreControls(set.benchmark, set.rule, series, devThreshold);
  const named = yield* mapInTurns(methods, (method) => figuresOf(set.benchmark, method));
  const figures: FiguresByMethod = new Map(methods.map((method, i) => [method, named[i]!]));
  const behaviour = yield* behaviourOf(set.benchmark, methods, figures);
  const firstClusters = addClusters(methods[0]?.scores.map(({ clusters }) => clusters) ?? []);
  const asked = new Set(methods.flatMap(({ scores }) => scores[0]?.scored ?? []).map(idOf));
  return {
    name: set.name,
    benchmark: set.benchmark.name,
    title: set.benchmark.title,
    source: set.benchmark.source,
    rule: set.rule,
    metrics: set.benchmark.metrics.map(infoOf),
    primaryMetric: infoOf(primaryMetricOf(set.benchmark)),
    questions: asked.size,
    images: firstClusters.size,
    primaryImages: clustersWith(primaryMetricOf(set.benchmark), [...firstClusters.values()]),
    methods: methods.map((method) => reported(set.benchmark, method, figures.get(method)!)),
    comparisons: yield* againstReferences(methods, [primaryMetricOf(set.benchmark)], resultsOf),
    measures: behaviourMetrics(set.benchmark).map(infoOf),
    behaviour,
    transitions: yield* transitionsOf(set.benchmark, methods),
    frontier: yield* frontierOf(set.benchmark, methods, figures),
    ability: yield* abilityOf(set.benchmark, methods),
    controls: yield* mapInTurns(controls, function* (control) {
      const { matchedTo, setting } = control;
      const own = yield* figuresOf(set.benchmark, control);
      return { ...reported(set.benchmark, control, own), matchedTo, setting };
    }),
    findings: yield* findingsOf(set.benchmark, { series, methods, behaviour, controls }),
    disagreements: disagreementsOf(methods.filter(({ method }) => !isDecodedControl(method))),
  };
}

function* abilityOf(
  { metrics, abilityMetric }: Benchmark,
  methods: readonly ScoredMethod[],
): Turns<Ability | null> {
  const metric = metrics.find(({ name }) => name === abilityMetric);
  if (metric === undefined) return null;
  const comparisons = yield* againstReferences(methods, [metric], resultsOf);
  return { metric: infoOf(metric), comparisons };
}

function reported(
  benchmark: Benchmark,
  scored: ScoredMethod,
  { metrics }: NamedFigures,
): MethodFigures {
  const { method, decoding, seeds, scores, timings } = scored;
  return {
    method,
    decoding,
    seeds,
    draws: scores.length,
    n: scores.reduce((sum, score) => sum + score.n, 0),
    unparsed: scores.reduce((sum, score) => sum + score.unparsed, 0),
    figures: metrics,
    groups: groupsOf(benchmark, scores),
    cost: decodingCost(timings),
  };
}

function groupsOf(benchmark: Benchmark, scores: readonly BenchmarkScore[]): GroupFigures[] {
  return addGroups(benchmark, scores).map(({ by, group, n, metrics }) => ({
    by,
    group,
    n,
    values: metrics,
  }));
}

/** Questions that methods score differently: greedy answers (of the first draw) first, then those of the first seed. */
function disagreementsOf(methods: readonly ScoredMethod[]): Disagreement[] {
  const decodings = groupBy(methods, ({ decoding }) => decoding);
  return (["greedy", "sampling"] as const)
    .flatMap((decoding) => disagreementsUnder(decoding, decodings.get(decoding) ?? []))
    .slice(0, EXAMPLES);
}

function disagreementsUnder(decoding: Decoding, methods: readonly ScoredMethod[]): Disagreement[] {
  const answers = methods.flatMap(({ method, scores }) =>
    (scores[0]?.scored ?? []).map(({ question, answer, score: { outcome, explanation } }) => ({
      question,
      shown: { method, text: answer, outcome, explanation },
    })),
  );
  return [...groupBy(answers, idOf).values()].flatMap((given) => {
    const outcomes = new Set(given.map(({ shown }) => shown.outcome));
    const question = given[0]?.question;
    if (outcomes.size < 2 || question === undefined) return [];
    const { id, image, prompt, truth } = question;
    return [
      {
        decoding,
        question: { id, image, prompt, truth },
        answers: given.map(({ shown }) => shown),
      },
    ];
  });
}

function idOf({ question }: { question: { id: string } }): string {
  return question.id;
}
