import type { Benchmark } from "../contract/benchmark.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import { gainFinding } from "./find-gains.js";
import { inactiveFinding } from "./find-inactive.js";
import { mimicry } from "./find-mimicry.js";
import type { Finding, MethodBehaviour } from "./run-analysis.js";
import type { AnsweredSeries, ScoredMethod } from "./scored-method.js";
import { type ScoredControl, tryMethods } from "./try-methods.js";

/** What a set shows about its methods. */
export interface FindingsInput {
  readonly series: readonly AnsweredSeries[];
  readonly methods: readonly ScoredMethod[];
  readonly behaviour: readonly MethodBehaviour[];
  readonly controls: readonly ScoredControl[];
}

/** What can be said of each method in plain words: whether it does anything, what it mimics, and what its gain is worth. */
export function* findingsOf(
  benchmark: Benchmark,
  { series, methods, behaviour, controls }: FindingsInput,
): Turns<Finding[]> {
  const found = yield* mapInTurns(["greedy", "sampling"] as const, function* (decoding) {
    const here = methods.filter((one) => one.decoding === decoding);
    const isHere = (seed: number | null) => (seed === null) === (decoding === "greedy");
    const seriesOf = (name: string) =>
      series.filter(({ method, seed }) => method === name && isHere(seed));
    const inactive = here.flatMap(({ method }) => {
      if (method === "regular") return [];
      return inactiveFinding(method, decoding, seriesOf(method), seriesOf("regular")) ?? [];
    });
    const idle = new Set(inactive.map(({ method }) => method));
    const metric = primaryMetricOf(benchmark);
    const trials = yield* tryMethods(
      decoding,
      methods,
      controls,
      metric,
      (name) => !idle.has(name),
    );
    return [
      ...inactive,
      ...(yield* mimicry({ benchmark, decoding, methods, behaviour, trials })),
      ...trials.map((trial) => gainFinding(trial, decoding, benchmark)),
    ];
  });
  return found.flat();
}
