import { groupBy } from "../../math/group-by.js";
import { median } from "../../math/median.js";
import type { MetricInfo } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { formatValue, shownNumber } from "./format-value.js";
import { shownName, type Table, titleOf } from "./report-tables.js";
import type {
  Decoding,
  Finding,
  JudgedComparison,
  MethodFigures,
  RunAnalysis,
  SetAnalysis,
} from "./run-analysis.js";
import { isGain, namesOf } from "./try-methods.js";
import { isBetter } from "./verdict.js";

/** What a run shows under one way of decoding, short enough for a terminal's screen. */
export interface Overview {
  readonly title: string;
  /** A row for each set, and one of the price; a column for each method. */
  readonly table: Table;
  /** A line for each method: what was found of it, and where. */
  readonly lines: readonly string[];
}

const TITLES: Readonly<Record<Decoding, string>> = {
  greedy: "Greedy decoding",
  sampling: "Sampling",
};

/** Which method helps, where, at what price: an overview for each way of decoding. Controls that are decoded are left out. */
export function overviewOf({ sets }: Pick<RunAnalysis, "sets">): Overview[] {
  return (["greedy", "sampling"] as const).flatMap((decoding) => {
    const all = sets.flatMap(({ methods }) => methods.filter((one) => one.decoding === decoding));
    const names = [...new Set(all.map(({ method }) => method))];
    if (names.length === 0) return [];
    const [base] = names.filter((name) => name === "regular");
    const others = names.filter((name) => name !== base && !isDecodedControl(name));
    const columns = base === undefined ? others : [base, ...others];
    const differences =
      base === undefined || others.length === 0 ? "" : ", differences from regular";
    return [
      {
        title: `${TITLES[decoding]}${differences}`,
        table: [
          ["set", "figure", ...columns],
          ...sets.flatMap((set) => setRows(set, decoding, columns)),
          ...priceRow(all, columns, sets.length > 1),
        ],
        lines: names.flatMap((name) => foundOf(name, decoding, sets)),
      },
    ];
  });
}

/** The main metric, and of captions what they find: between these two length chooses. */
function setRows(set: SetAnalysis, decoding: Decoding, columns: readonly string[]): string[][] {
  const { primaryMetric, comparisons, frontier } = set;
  const rowOf = (name: string, metric: MetricInfo, all: readonly JudgedComparison[]) => [
    name,
    titleOf(metric) + (metric.better === "lower" ? ", lower is better" : ""),
    ...columns.map((method) => cellOf(set, decoding, method, metric, all)),
  ];
  const recall = frontier?.recall;
  return [
    rowOf(set.name, primaryMetric, comparisons),
    ...(recall === undefined || recall.name === primaryMetric.name
      ? []
      : [rowOf("", recall, frontier?.differences ?? [])]),
  ];
}

/** For example `87.3` of the baseline, `+3.1 better` or `inactive` of others. */
function cellOf(
  set: SetAnalysis,
  decoding: Decoding,
  method: string,
  metric: MetricInfo,
  all: readonly JudgedComparison[],
): string {
  const isHere = (one: { readonly method: string; readonly decoding: Decoding }) =>
    one.method === method && one.decoding === decoding;
  const figure = set.methods.find(isHere)?.figures[metric.name];
  if (figure === undefined) return "";
  if (set.findings.some((one) => isHere(one) && one.kind === "inactive")) return "inactive";
  const found = all.find(
    (one) => isHere(one) && one.reference === "regular" && one.metric === metric.name,
  );
  if (found === undefined) {
    return figure.value.value === null ? "undefined" : formatValue(metric, figure.value);
  }
  const size = shownNumber(metric, found.difference).toFixed(metric.unit === "points" ? 2 : 1);
  const difference = Number(size) === 0 ? "0.0" : `${Number(size) > 0 ? "+" : ""}${size}`;
  if (!found.shown) return difference;
  if (metric.better === "neither") return `${difference} shown`;
  return `${difference} ${isBetter(metric, found.difference) ? "better" : "worse"}`;
}

/** What a token costs: milliseconds of the baseline, how many times that of others. */
function priceRow(
  all: readonly MethodFigures[],
  columns: readonly string[],
  isOfSeveral: boolean,
): string[][] {
  const costs = new Map(
    [...groupBy(all, ({ method }) => method)].map(([method, members]) => [
      method,
      median(members.flatMap(({ cost }) => cost?.msPerToken ?? [])),
    ]),
  );
  if (columns.every((method) => costs.get(method) == null)) return [];
  const base = costs.get("regular") ?? null;
  const cells = columns.map((method) => {
    const own = costs.get(method) ?? null;
    if (own === null) return "";
    return method === "regular" || base === null || base === 0
      ? own.toFixed(1)
      : `${(own / base).toFixed(1)} x`;
  });
  return [["price", `ms a token${isOfSeveral ? ", median over sets" : ""}`, ...cells]];
}

/** One line of what was found of a method, such as `vcd: inactive on colours; no gain shown on pope, captions`. */
function foundOf(method: string, decoding: Decoding, sets: readonly SetAnalysis[]): string[] {
  const phrases = sets.flatMap((set) => {
    const own = set.findings.filter((one) => one.method === method && one.decoding === decoding);
    const phrase = phraseOf(own, set.primaryMetric);
    return phrase === null ? [] : [{ phrase, name: set.name }];
  });
  if (phrases.length === 0) return [];
  const parts = [...groupBy(phrases, ({ phrase }) => phrase)].map(([phrase, members]) => {
    if (sets.length === 1) return phrase;
    const isAll = members.length === sets.length;
    const where = isAll ? `all ${sets.length} sets` : members.map(({ name }) => name).join(", ");
    return `${phrase} on ${where}`;
  });
  return [`${shownName({ method })}: ${parts.join("; ")}`];
}

/** What trivial changes are called. */
const CAUSES: Readonly<Partial<Record<Finding["kind"], string>>> = {
  "yes-shift": "a shift to yes",
  "no-shift": "a shift to no",
  shorter: "shorter captions",
  cooler: "a lower temperature",
};

/** All that was found of a method on one set; null for nothing. */
function phraseOf(findings: readonly Finding[], metric: MetricInfo): string | null {
  const causes = findings.flatMap(({ kind }) => CAUSES[kind] ?? []).join(" and ");
  const outcome = findings.find(({ kind }) => CAUSES[kind] === undefined);
  if (outcome === undefined) return null;
  const [regular, ...controls] = outcome.comparisons;
  switch (outcome.kind) {
    case "inactive":
      return "inactive";
    case "beats-controls":
      return "better than regular, and than each control";
    case "untried":
      return "better than regular, with no control to hold it against";
    case "not-better-than-control": {
      const unbeaten = namesOf(controls.filter((one) => !isGain(one, metric)));
      return `better than regular, but not shown to be better than ${causes || unbeaten}`;
    }
    default: {
      const what = regular?.shown === true ? "worse than regular" : "no gain shown";
      return causes === "" ? what : `${what}, and does what ${causes} does`;
    }
  }
}
