import type { RunAnalysis } from "./run-analysis.js";

/** One figure of a run as a flat row, for queries. */
export interface FigureRow {
  readonly set: string;
  readonly benchmark: string;
  readonly rule: string;
  readonly method: string;
  readonly decoding: string;
  readonly seeds: number;
  /** Answers to each question: as many as seeds, or draws of noise under greedy decoding. */
  readonly draws: number;
  readonly metric: string;
  /** Of value, low and high: share (0 to 1), percent, points, words or count. */
  readonly unit: string;
  /** True for the metric that comparisons are about. */
  readonly primary: boolean;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
  readonly unparsed: number;
}

/** All figures of a run, a row for each set, method, way of decoding and metric or measure. */
export function figureRows(analysis: RunAnalysis): FigureRow[] {
  return analysis.sets.flatMap((set) =>
    set.methods.flatMap(({ method, decoding, seeds, draws, figures: own, n, unparsed }, index) => {
      const figures = { ...set.behaviour[index]?.figures, ...own };
      const further = set.measures.filter(({ name }) => !Object.hasOwn(own, name));
      return [...set.metrics, ...further].map(({ name, unit }) => ({
        set: set.name,
        benchmark: set.benchmark,
        rule: set.rule,
        method,
        decoding,
        seeds: decoding === "greedy" ? 0 : seeds.length,
        draws,
        metric: name,
        unit,
        primary: name === set.primaryMetric.name,
        value: figures[name]?.value.value ?? null,
        low: figures[name]?.interval?.low ?? null,
        high: figures[name]?.interval?.high ?? null,
        n,
        unparsed,
      }));
    }),
  );
}
