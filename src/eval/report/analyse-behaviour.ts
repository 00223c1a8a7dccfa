import type { Benchmark } from "../contract/benchmark.js";
import type { Turns } from "../data/turns.js";
import { behaviourMetrics } from "../metrics/behaviour-metrics.js";
import { cellOfScore } from "../scoring/behaviour-counts.js";
import type { MethodResults } from "../statistics/compare-methods.js";
import { againstReferences } from "./against-references.js";
import type { MethodBehaviour } from "./run-analysis.js";
import { averaged, type FiguresByMethod, type ScoredMethod } from "./scored-method.js";

/** What each method's answers are like, and how that differs from the references. */
export function* behaviourOf(
  benchmark: Benchmark,
  methods: readonly ScoredMethod[],
  figures: FiguresByMethod,
): Turns<MethodBehaviour[]> {
  // The truth is the same for all methods.
  const compared = behaviourMetrics(benchmark).filter(({ name }) => name !== "true_yes_ratio");
  const comparisons = yield* againstReferences(methods, compared, resultsOf);
  return methods.map((scored) => {
    const { method, decoding } = scored;
    return {
      method,
      decoding,
      figures: figures.get(scored)!.measures,
      comparisons: comparisons.filter((one) => one.method === method && one.decoding === decoding),
    };
  });
}

function resultsOf({ method, scores, behaviours }: ScoredMethod): MethodResults {
  const [only] = scores;
  const single = scores.length === 1;
  const saidYes = new Map(
    only?.scored.flatMap(({ question, score }) => {
      const cell = cellOfScore(score);
      return cell === null ? [] : [[question.id, cell === "tp" || cell === "fp"] as const];
    }),
  );
  return {
    method,
    clusters: averaged(behaviours),
    right: null,
    saidYes: single ? saidYes : null,
  };
}
