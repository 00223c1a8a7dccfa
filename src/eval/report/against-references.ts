import { groupBy } from "../../math/group-by.js";
import type { Metric } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { compareOnMetrics, type MethodResults } from "../statistics/compare-methods.js";
import type { JudgedComparison } from "./run-analysis.js";
import type { ScoredMethod } from "./scored-method.js";
import { verdict } from "./verdict.js";

/** Methods that others are compared with: the baseline, and the control of contrastive methods. */
const REFERENCES: readonly string[] = ["regular", "apc"];

/** Every method against each reference, under the same way of decoding. Decoded controls are on no trial. */
export function* againstReferences(
  methods: readonly ScoredMethod[],
  metrics: readonly Metric[],
  resultsOf: (method: ScoredMethod) => MethodResults,
): Turns<JudgedComparison[]> {
  const named = new Map(metrics.map((metric) => [metric.name, metric]));
  const pairs = [...groupBy(methods, ({ decoding }) => decoding)].flatMap(([decoding, members]) =>
    REFERENCES.flatMap((name, index) => {
      const reference = members.find(({ method }) => method === name);
      if (reference === undefined) return [];
      const earlier = REFERENCES.slice(0, index + 1);
      const others = members.filter(
        ({ method }) => !earlier.includes(method) && !isDecodedControl(method),
      );
      return [{ decoding, reference, others }];
    }),
  );
  const compared = yield* mapInTurns(pairs, function* ({ decoding, reference, others }) {
    const results = resultsOf(reference);
    const found = yield* compareOnMetrics(others.map(resultsOf), results, metrics);
    return found.map((one) => ({
      ...one,
      decoding,
      verdict: verdict(one, named.get(one.metric)!),
    }));
  });
  return compared.flat();
}
