import type { Benchmark } from "../contract/benchmark.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { behaviourMetrics } from "../metrics/behaviour-metrics.js";
import { cellOfScore } from "../scoring/behaviour-counts.js";
import type { MethodResults } from "../statistics/compare-methods.js";
import { againstReferences } from "./against-references.js";
import type { MethodBehaviour } from "./run-analysis.js";
import { averaged, figuresFrom, type ScoredMethod } from "./scored-method.js";

/** What each method's answers are like, and how that differs from the references. */
export function* behaviourOf(
  benchmark: Benchmark,
  methods: readonly ScoredMethod[],
): Turns<MethodBehaviour[]> {
  const metrics = behaviourMetrics(benchmark);
  // The truth is the same for all methods.
  const compared = metrics.filter(({ name }) => name !== "true_yes_ratio");
  const comparisons = yield* againstReferences(methods, compared, resultsOf);
  return yield* mapInTurns(methods, function* ({ method, decoding, behaviours }) {
    return {
      method,
      decoding,
      figures: yield* figuresFrom(metrics, behaviours, decoding),
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
