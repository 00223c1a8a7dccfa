import type { Benchmark } from "../contract/benchmark.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import type { Decoding, Finding } from "./run-analysis.js";
import { isGain, namesOf, type Trial } from "./try-methods.js";

/** What a method's gain is worth: whether there is one, and whether each control is beaten too. */
export function gainFinding(trial: Trial, decoding: Decoding, benchmark: Benchmark): Finding {
  const { regular, controls } = trial;
  const { method } = trial.method;
  const metric = primaryMetricOf(benchmark);
  const finding = (kind: Finding["kind"], text: string, comparisons = [regular, ...controls]) => ({
    method,
    decoding,
    kind,
    text,
    comparisons,
  });
  if (!isGain(regular, metric)) {
    return finding("no-gain", `no gain of ${method} is shown: ${regular.verdict}`, [regular]);
  }
  if (controls.length === 0) {
    return finding("untried", `${regular.verdict}; no control was there to hold it against`);
  }
  const unbeaten = controls.filter((one) => !isGain(one, metric));
  if (unbeaten.length === 0) {
    const text = `${regular.verdict}; it is better than each control, too: ${namesOf(controls, trial)}`;
    return finding("beats-controls", text);
  }
  const verdicts = unbeaten.map(({ verdict }) => verdict).join("; ");
  const text = `${regular.verdict}; but it is not shown to be better than ${namesOf(unbeaten, trial)}: ${verdicts}`;
  return finding("not-better-than-control", text);
}
