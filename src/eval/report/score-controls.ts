import type { Benchmark } from "../contract/benchmark.js";
import { deriveControls } from "../controls/derive-controls.js";
import type { Turns } from "../data/turns.js";
import type { DevThreshold } from "../store/tuned.js";
import { type AnsweredSeries, scoreMethods } from "./scored-method.js";
import type { ScoredControl } from "./try-methods.js";

/** The controls that are made of answers of `regular`, scored as methods are. */
export function* scoreControls(
  benchmark: Benchmark,
  rule: string,
  series: readonly AnsweredSeries[],
  dev: DevThreshold | null,
): Turns<ScoredControl[]> {
  const derived = deriveControls(benchmark, rule, series, dev);
  const scored = yield* scoreMethods(
    benchmark,
    rule,
    derived.map((one) => ({ ...one, timings: [] })),
  );
  return scored.map((one) => {
    const isGreedy = one.decoding === "greedy";
    const { matchedTo, setting, chosenOn } = derived.find(
      ({ method, seed }) => method === one.method && (seed === null) === isGreedy,
    )!;
    return { ...one, matchedTo, setting, ...(chosenOn === undefined ? {} : { chosenOn }) };
  });
}
