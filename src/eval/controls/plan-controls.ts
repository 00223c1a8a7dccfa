import type { Method } from "../../index.js";
import type { BenchmarkKind } from "../contract/benchmark.js";
import { planSeries, type SeriesRequest } from "../run/plan-series.js";
import type { Series } from "../store/series.js";
import { DECODED_CONTROLS } from "./decoded-controls.js";

/** Controls as further methods of a run, with their series. */
export interface PlannedControls {
  readonly methods: ReadonlyMap<string, Method>;
  readonly series: readonly Series[];
}

/**
 * The controls that a model is asked for besides the methods of a run: `pba` (yes/no questions), `eos` (captions), and
 * `cool` for sampled answers. Each answers only questions of the kind that it is made for.
 *
 * @param kinds of the run's benchmarks
 * @param how as the methods are decoded
 */
export function planControls(
  kinds: readonly BenchmarkKind[],
  { greedy, seeds }: Pick<SeriesRequest, "greedy" | "seeds">,
): PlannedControls {
  const planned = Object.entries(DECODED_CONTROLS).flatMap(([name, control]) => {
    const { kind, create } = control;
    const decodes = { greedy: greedy && control.greedy, seeds };
    const isOfUse = kind === null || kinds.includes(kind);
    if (!isOfUse || (!decodes.greedy && seeds === 0)) return [];
    const methods = new Map([[name, create()]]);
    const series = planSeries({ methods, ...decodes });
    return [{ methods, series: kind === null ? series : series.map((one) => ({ ...one, kind })) }];
  });
  return {
    methods: new Map(planned.flatMap(({ methods }) => [...methods])),
    series: planned.flatMap(({ series }) => series),
  };
}
