import type { Metric } from "../contract/benchmark.js";
import { confusionMetrics } from "../metrics/confusion-metrics.js";
import { accuracyMetric, ratioMetric } from "../metrics/ratio-metric.js";
import type { DeclaredFigure, DeclaredRatio } from "./declaration.js";
import { COUNTED } from "./declared-score.js";

/** Metrics by name, as they are declared. */
export type DeclaredMetrics = Readonly<Record<string, DeclaredRatio | DeclaredFigure>>;

const ACCURACY: Metric = accuracyMetric("no answer is right or wrong");

/** The metrics that are declared, or those of the kind. */
export function metricsOf(declared: DeclaredMetrics | undefined, kind: string): readonly Metric[] {
  if (declared === undefined) return kind === "yes-no" ? confusionMetrics : [ACCURACY];
  return Object.entries(declared).map(([name, metric]) => {
    const info = { name, title: titleOf(name), unit: "share", better: "higher" } as const;
    if ("of" in metric) return { ...info, ...metric };
    const undefinedReason = `nothing counts as ${metric.whole}`;
    return ratioMetric({ ...info, undefinedReason, ...metric });
  });
}

/** `left_ratio` is "Left ratio". */
function titleOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** What rules may count so that a metric uses it; null where metrics do not tell what they use. */
export function countableOf(declared: DeclaredMetrics = {}): ReadonlySet<string> | null {
  const metrics = Object.values(declared);
  if (metrics.some((metric) => "of" in metric)) return null;
  const used = metrics.flatMap((metric) => ("of" in metric ? [] : [metric.part, metric.whole]));
  return new Set(used.filter((name) => !(COUNTED as readonly string[]).includes(name)));
}
