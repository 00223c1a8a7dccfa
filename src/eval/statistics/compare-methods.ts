import type { Counts, Metric } from "../contract/benchmark.js";
import type { BootstrapOptions, Interval } from "./cluster-bootstrap.js";
import { holm } from "./holm.js";
import { mcnemar } from "./mcnemar.js";
import { pairedBootstrap } from "./paired-bootstrap.js";

/** A method's results on the questions of one set. */
export interface MethodResults {
  readonly method: string;
  /** Counts by cluster (image), means over seeds or draws. */
  readonly clusters: ReadonlyMap<string, Counts>;
  /** Whether each question was right; null where that is no yes or no, or there are several seeds or draws. */
  readonly right: ReadonlyMap<string, boolean> | null;
}

/** A method against a reference on the same questions. */
export interface Comparison {
  readonly method: string;
  readonly reference: string;
  readonly metric: string;
  /** Method minus reference, in the metric's own unit. */
  readonly difference: number;
  /** Null when every image differs alike and the metric's unit has no highest and lowest value. */
  readonly interval: Interval | null;
  readonly test: "McNemar (mid-p)" | "paired bootstrap";
  readonly pValue: number;
  /** After Holm's correction over all methods compared with this reference. */
  readonly adjustedPValue: number;
  /** True when the adjusted p-value is at most 0.05 and the interval does not hold 0. */
  readonly shown: boolean;
}

const LEVEL = 0.05;

/**
 * Compares methods with a reference on one metric, with Holm's correction over the methods. The interval
 * is the paired bootstrap's over images. The p-value is McNemar's where the metric is the accuracy of
 * single answers, else the paired bootstrap's. A difference counts as shown only when both agree.
 *
 * Clusters that only one of two methods has are left out of their comparison.
 */
export function compareMethods(
  methods: readonly MethodResults[],
  reference: MethodResults,
  metric: Metric,
  options: BootstrapOptions = {},
): Comparison[] {
  const found = methods.flatMap((method) => {
    const shared = [...method.clusters.keys()].filter((key) => reference.clusters.has(key));
    const paired = pairedBootstrap(
      shared.map((key) => method.clusters.get(key) ?? {}),
      shared.map((key) => reference.clusters.get(key) ?? {}),
      metric,
      options,
    );
    if (paired === null) return [];
    const exact = metric.name === "accuracy" ? mcnemarOf(method, reference) : null;
    const test = exact === null ? ("paired bootstrap" as const) : ("McNemar (mid-p)" as const);
    return [{ method: method.method, ...paired, pValue: exact ?? paired.pValue, test }];
  });
  const adjusted = holm(found.map(({ pValue }) => pValue));
  return found.map((one, index) => {
    const adjustedPValue = adjusted[index] ?? 1;
    const { low, high } = one.interval ?? { low: 0, high: 0 };
    return {
      ...one,
      reference: reference.method,
      metric: metric.name,
      adjustedPValue,
      shown: adjustedPValue <= LEVEL && (low > 0 || high < 0),
    };
  });
}

function mcnemarOf(method: MethodResults, reference: MethodResults): number | null {
  if (method.right === null || reference.right === null) return null;
  let onlyMethod = 0;
  let onlyReference = 0;
  for (const [id, right] of method.right) {
    const other = reference.right.get(id);
    if (right && other === false) onlyMethod++;
    if (!right && other === true) onlyReference++;
  }
  return mcnemar(onlyMethod, onlyReference);
}
