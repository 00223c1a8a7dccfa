import type { MetricInfo } from "../contract/benchmark.js";
import { escapeHtml } from "./escape-html.js";
import { evidenceOnDemand } from "./evidence-on-demand.js";
import { type ForestMark, forestAxis, forestRow, forestTicks } from "./forest-plot.js";
import { formatInterval, formatValue, shownNumber, unitOf } from "./format-value.js";
import { gainsText } from "./gains-text.js";
import { shownName, titleOf } from "./report-tables.js";
import type {
  Decoding,
  JudgedComparison,
  MethodFigures,
  RunAnalysis,
  SetAnalysis,
} from "./run-analysis.js";
import { isBetter } from "./verdict.js";

const TITLES: Readonly<Record<Decoding, string>> = {
  greedy: "Greedy decoding",
  sampling: "Sampling",
};

/** What the marks of the drawings mean. */
const LEGEND: readonly (readonly [string, string])[] = [
  ["regular better", "from regular, better"],
  ["regular worse", "worse"],
  ["regular open", "no difference shown"],
  ["apc open", "hollow: from the control apc"],
];

/** What a reader looks for first: which method helps, where, at what price. */
export function renderOverview(analysis: RunAnalysis): string {
  const { sets, settings } = analysis;
  const hasControl = settings.series.some(({ method }) => method === "apc");
  const legend = LEGEND.filter(([kind]) => hasControl || kind !== "apc open");
  const lines = gainsText(analysis).map((line) => `<li>${evidenceOnDemand(line)}</li>`);
  const decodings = (["greedy", "sampling"] as const).filter((decoding) =>
    sets.some(({ methods }) => methods.some((one) => one.decoding === decoding)),
  );
  return `<section id="overview" aria-labelledby="overview-title">
<h2 id="overview-title">Which method helps, where, at what price</h2>
<ul class="gains">${lines.join("")}</ul>
${decodings.map((decoding) => underDecoding(sets, decoding)).join("\n")}
<p class="legend">${legend.map(legendHtml).join("\n")}</p>
</section>`;
}

function legendHtml([kind, words]: readonly [string, string]): string {
  return `<span><svg class="key" width="34" height="12" aria-hidden="true"><g class="${kind}"><line class="interval" x1="2" x2="32" y1="6" y2="6"/><circle cx="17" cy="6" r="4.5"/></g></svg> ${words}</span>`;
}

function underDecoding(sets: readonly SetAnalysis[], decoding: Decoding): string {
  const own = sets.filter(({ methods }) => methods.some((one) => one.decoding === decoding));
  return `<div class="decoding"><h3>${TITLES[decoding]}</h3>
${own.length > 1 ? matrixOf(own, decoding) : ""}
${own.map((set) => forestOf(set, decoding)).join("\n")}</div>`;
}

/** Methods and sets: each primary metric's difference from `regular`. */
function matrixOf(sets: readonly SetAnalysis[], decoding: Decoding): string {
  const methods = new Set(
    sets.flatMap((set) =>
      set.comparisons.flatMap((one) =>
        one.decoding === decoding && one.reference === "regular" ? [one.method] : [],
      ),
    ),
  );
  if (methods.size === 0) return "";
  const heads = sets.map(
    ({ name, primaryMetric }) =>
      `<th scope="col">${escapeHtml(name)}<small>${escapeHtml(titleOf(primaryMetric))}</small></th>`,
  );
  const rows = [...methods].map((method) => {
    const cells = sets.map(({ comparisons, primaryMetric }) => {
      const found = comparisons.find(
        (one) => one.decoding === decoding && one.method === method && one.reference === "regular",
      );
      return `<td>${differenceHtml(found, primaryMetric, false)}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(method)}</th>${cells.join("")}</tr>`;
  });
  const caption = `Differences from regular, ${TITLES[decoding].toLowerCase()}`;
  return `<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="matrix"><caption>${caption}</caption>
<thead><tr><th scope="col">method</th>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** The methods of a set under one way of decoding, with their differences drawn. */
function forestOf(set: SetAnalysis, decoding: Decoding): string {
  const { primaryMetric: metric } = set;
  const methods = set.methods.filter((one) => one.decoding === decoding);
  const recall = recallOf(set);
  const rows = methods.map((method) => {
    const comparisons = set.comparisons.filter(
      (one) => one.decoding === decoding && one.method === method.method,
    );
    return { method, comparisons, marks: comparisons.flatMap((one) => markOf(one, metric)) };
  });
  const axis = forestAxis(rows.flatMap(({ marks }) => marks));
  const reference = methods.find(({ method }) => method === "regular");
  const better =
    metric.better === "neither" ? "neither way is better" : `${metric.better} is better`;
  const heads = [
    `Difference in ${metric.title}${unitOf(metric) === "" ? "" : `, ${metric.unit === "words" ? "words" : "points"}`}`,
    "from regular",
    titleOf(metric),
    ...(recall === null ? [] : [titleOf(recall)]),
    "ms a token",
  ];
  const lines = rows.map(({ method, comparisons, marks }) => {
    const first = comparisons.find((one) => one.reference === "regular");
    const words = comparisons.map(({ verdict }) => verdict).join("; ");
    const cells = [
      `<td class="drawing" title="${escapeHtml(words)}">${forestRow(marks, axis)}</td>`,
      td(heads[1]!, differenceHtml(first, metric, method.method === "regular")),
      td(heads[2]!, figureHtml(method, metric)),
      ...(recall === null ? [] : [td(heads[3]!, figureHtml(method, recall))]),
      td("ms a token", costHtml(method, reference)),
    ];
    return `<tr><th scope="row">${escapeHtml(shownName(method))}</th>${cells.join("")}</tr>`;
  });
  const caption = `${set.name}: ${set.title}`;
  const span = heads.length - 1;
  return `<table class="forest"><caption><a href="#${encodeURIComponent(set.name)}">${escapeHtml(caption)}</a>
<span class="note">${escapeHtml(metric.title)}: ${better}</span></caption>
<thead><tr><th scope="col">method</th>${heads.map((head) => `<th scope="col">${escapeHtml(head)}</th>`).join("")}</tr></thead>
<tbody>${lines.join("")}</tbody>
<tfoot aria-hidden="true"><tr><td></td><td class="drawing">${forestTicks(axis)}</td><td colspan="${span}"></td></tr></tfoot></table>${findingsOf(set, decoding)}`;
}

/** What was found of each method, in words: that a gain is a shift to yes, for example. */
function findingsOf({ findings }: SetAnalysis, decoding: Decoding): string {
  const lines = findings
    .filter((one) => one.decoding === decoding)
    .map(({ text, kind }) => `<li class="${kind}">${evidenceOnDemand(text)}</li>`);
  return lines.length === 0 ? "" : `<ul class="findings">${lines.join("")}</ul>`;
}

/** Of captions what they find; else the metric of that name. */
function recallOf(set: SetAnalysis): MetricInfo | null {
  const recall = set.frontier?.recall ?? set.metrics.find(({ name }) => name === "recall") ?? null;
  return recall?.name === set.primaryMetric.name ? null : recall;
}

function markOf(comparison: JudgedComparison, metric: MetricInfo): ForestMark[] {
  const { difference, interval, reference } = comparison;
  const [value, low, high] = [
    difference,
    interval?.low ?? difference,
    interval?.high ?? difference,
  ].map((one) => shownNumber(metric, one));
  const kind = `${reference === "regular" ? "regular" : "apc"} ${directionOf(comparison, metric)}`;
  return [{ kind, value: value!, low: low!, high: high! }];
}

function directionOf({ shown, difference }: JudgedComparison, metric: MetricInfo): string {
  if (!shown) return "open";
  if (metric.better === "neither") return "changed";
  return isBetter(metric, difference) ? "better" : "worse";
}

const SIGNS: Readonly<Record<string, string>> = { better: "▲", worse: "▼", changed: "", open: "" };
const WORDS: Readonly<Record<string, string>> = {
  better: "shown to be better",
  worse: "shown to be worse",
  changed: "shown to differ",
  open: "no difference shown",
};

function differenceHtml(
  comparison: JudgedComparison | undefined,
  metric: MetricInfo,
  isReference: boolean,
): string {
  if (comparison === undefined) return isReference ? "reference" : "";
  const size = shownNumber(metric, comparison.difference);
  const direction = directionOf(comparison, metric);
  const interval = formatInterval(metric, comparison.interval);
  const figure = `${size > 0 ? "+" : ""}${size.toFixed(1)}`;
  return (
    `<span class="difference ${direction}" title="${escapeHtml(comparison.verdict)}">${figure}<span aria-hidden="true"> ${SIGNS[direction]}</span>` +
    `<span class="unseen"> ${WORDS[direction]}</span></span>${sure(interval)}`
  );
}

function figureHtml({ figures }: MethodFigures, metric: MetricInfo): string {
  const figure = figures[metric.name];
  if (figure === undefined) return "";
  const interval = formatInterval(metric, figure.interval);
  return `<span title="${escapeHtml(interval)}">${escapeHtml(formatValue(metric, figure.value))}</span>${sure(interval)}`;
}

function costHtml({ cost }: MethodFigures, reference: MethodFigures | undefined): string {
  if (cost === null) return "";
  const own = cost.msPerToken.toFixed(1);
  const regular = reference?.cost?.msPerToken ?? 0;
  if (regular === 0 || reference?.cost === cost) return own;
  return `${own} <small>${(cost.msPerToken / regular).toFixed(1)} ×</small>`;
}

function sure(interval: string): string {
  return interval === "" ? "" : `<span class="sure"> ${escapeHtml(interval)}</span>`;
}

/** A cell that says on narrow screens what it is. */
function td(head: string, content: string): string {
  return `<td data-head="${escapeHtml(head)}">${content}</td>`;
}
