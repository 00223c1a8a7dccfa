import type { YesNoTokens } from "../../objects/yes-no-tokens.js";
import type { MetricInfo } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import type { RunSettings, SetSettings } from "../store/run-settings.js";
import type { Series } from "../store/series.js";
import { formatInterval, formatValue, shownNumber, unitOf } from "./format-value.js";
import type {
  DecodingCost,
  GroupFigures,
  MethodFigures,
  RunAnalysis,
  SetAnalysis,
} from "./run-analysis.js";
import { splitText, tunedText } from "./settings-text.js";

/** A table of text: the first row is the header. */
export type Table = readonly (readonly string[])[];

/** The figures of a set, a line for each method and way of decoding. */
export function figuresTable(set: SetAnalysis): Table {
  const metrics = shownMetrics(set);
  const costs = set.methods.flatMap(({ cost }) => cost ?? []);
  const header = [
    "method",
    "decoding",
    ...metrics.map(titleOf),
    "unparsed",
    "n",
    ...(costs.length > 0 ? [costTitle(costs)] : []),
  ];
  const rows = set.methods.map((method) => [
    shownName(method),
    decodingOf(method),
    ...metrics.map((metric) => cell(metric, method)),
    String(method.unparsed),
    String(method.n),
    ...(costs.length > 0 ? [method.cost?.msPerToken.toFixed(1) ?? ""] : []),
  ]);
  return [header, ...rows];
}

/** The figures of the controls that are made of answers of `regular`, and how each was set; null without any. */
export function controlsTable(set: SetAnalysis): Table | null {
  if (set.controls.length === 0) return null;
  const [header = [], ...rows] = figuresTable({ ...set, methods: set.controls });
  const settings = set.controls.map(({ setting }) => setting);
  return [["control", ...header.slice(1), "is"], ...rows.map((row, i) => [...row, settings[i]!])];
}

/** What was found of each method, a line for each finding, for example `greedy: no gain of vcd is shown: ...`. */
export function findingsText({ findings }: Pick<SetAnalysis, "findings">): string[] {
  return findings.map(({ decoding, text }) => `${decoding}: ${text}`);
}

/** A metric as a heading, for example `Accuracy %`. */
export function titleOf(metric: MetricInfo): string {
  return metric.title + (unitOf(metric) === "%" ? " %" : "");
}

/** What the times are: of decoding alone, and with how many answers beside each other. */
function costTitle(costs: readonly DecodingCost[]): string {
  const batch = Math.max(...costs.map((cost) => cost.batch));
  return `decoding, ms a token${batch > 1 ? ` in batches of ${batch}` : ""}`;
}

/** Value, interval and, where there are several, the spread of the seeds or draws. */
function cell(metric: MetricInfo, { figures, decoding }: MethodFigures): string {
  const figure = figures[metric.name];
  if (figure === undefined) return "";
  const value = formatValue(metric, figure.value);
  if (figure.interval === null) return value;
  const deviation = figure.spread?.standardDeviation ?? null;
  const several = decoding === "greedy" ? "draws" : "seeds";
  const spread =
    deviation === null ? "" : `, ${several} ±${shownNumber(metric, deviation).toFixed(1)}`;
  return `${value} (${formatInterval(metric, figure.interval)}${spread})`;
}

/** The method's name; a control that was decoded beside the methods is told from them: `pba (control)`. */
export function shownName({ method }: Pick<MethodFigures, "method">): string {
  return isDecodedControl(method) ? `${method} (control)` : method;
}

/** For example `greedy`, `greedy, 3 draws`, `3 seeds`. */
export function decodingOf({
  decoding,
  seeds,
  draws,
}: Pick<MethodFigures, "decoding" | "seeds" | "draws">): string {
  if (decoding === "greedy") return draws === 1 ? "greedy" : `greedy, ${draws} draws`;
  return `${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`;
}

/** Metrics that have a value for some method. */
export function shownMetrics(set: SetAnalysis): MetricInfo[] {
  return set.metrics.filter((metric) =>
    set.methods.some(({ figures }) => (figures[metric.name]?.value.value ?? null) !== null),
  );
}

/** The primary metric of a set's parts (object, attribute, relation, ...) and tags; null when it has none. */
export function groupsTable(set: SetAnalysis): Table | null {
  const groups = [...new Set(set.methods.flatMap((m) => m.groups.map(groupTitle)))];
  if (groups.length === 0) return null;
  const metric = set.primaryMetric;
  const rows = set.methods.map((method) => [
    shownName(method),
    decodingOf(method),
    ...groups.map((name) => {
      const group = method.groups.find((one) => groupTitle(one) === name);
      const value = group?.values[metric.name];
      return group === undefined || value === undefined
        ? ""
        : `${formatValue(metric, value)} (n = ${group.n})`;
    }),
  ]);
  return [["method", "decoding", ...groups], ...rows];
}

/** A tag is told from a part of the same name. */
export function groupTitle({ by, group }: Pick<GroupFigures, "by" | "group">): string {
  return by === "tag" ? `tag ${group}` : group;
}

/** What is needed to make the run again, as name and value. */
export function settingsTable({ settings, sets }: RunAnalysis): Table {
  const seeds = [...new Set(settings.series.map(({ seed }) => seed))];
  const methods = new Map(settings.series.map(({ method, settings: own }) => [method, own]));
  return [
    ["setting", "value"],
    ["groundsight", settings.version],
    ["model", modelText(settings.model)],
    ...[...methods].map(([name, own]) => [`method ${name}`, JSON.stringify(own)]),
    ...Object.entries(settings.tuned ?? {}).map(([name, mark]) => [
      `method ${name} was`,
      tunedText(mark, settings.model.hash),
    ]),
    ["noise draws of greedy answers", drawsText(settings.series)],
    ["decoding", seeds.map((seed) => (seed === null ? "greedy" : `seed ${seed}`)).join(", ")],
    ["temperature, top-p of the seeds", `${settings.temperature}, ${settings.topP}`],
    ...(settings.yesNoTokens === undefined ? [] : [tokensRow(settings.yesNoTokens)]),
    ["prompt suffix", settings.promptSuffix === "" ? "none" : settings.promptSuffix],
    ...settings.sets.map((set) => [
      `set ${set.name}`,
      `${set.benchmark}, rule ${set.rule}, ${set.questions} questions${partOf(set)}${limitOf(set)}, at most ${set.maxTokens} tokens, SHA-256 ${set.data}`,
    ]),
    ...sets.map(({ name, source }) => [`source of ${name}`, source]),
    [
      "intervals",
      "95%, percentile bootstrap over images, 2,000 draws; Clopper-Pearson over images where all are alike",
    ],
    [
      "comparisons",
      "paired bootstrap over images; McNemar (mid-p) for accuracies; Holm over methods, in findings over their controls too",
    ],
  ];
}

function tokensRow({ yes, no }: YesNoTokens): string[] {
  return ["tokens of yes and no, for margins", `${yes.join(", ")} and ${no.join(", ")}`];
}

/** For example `3 (vcd, vti+vcd)`: how often methods that draw noise answered greedily. */
function drawsText(series: readonly Series[]): string {
  const drawn = series.filter(({ draw }) => draw !== undefined);
  if (drawn.length === 0) return "1";
  const draws = 1 + Math.max(...drawn.map(({ draw = 0 }) => draw));
  return `${draws} (${[...new Set(drawn.map(({ method }) => method))].join(", ")})`;
}

function partOf({ split }: SetSettings): string {
  return split === undefined ? "" : ` of its ${splitText(split)}`;
}

function limitOf({ firstImages }: SetSettings): string {
  return firstImages === undefined ? "" : ` about the first ${firstImages} images`;
}

function modelText(model: RunSettings["model"]): string {
  const { dtype, hash } = model;
  return hash === undefined ? modelName(model) : `${modelName(model)} (${dtype}, SHA-256 ${hash})`;
}

/** A run's model, with the adapter where its name does not tell, or the server that it is behind. */
export function modelName({ id, adapter, endpoint }: RunSettings["model"]): string {
  if (endpoint !== undefined) return `${id} at ${endpoint}`;
  return adapter === undefined || adapter === id ? id : `${id} with adapter ${adapter}`;
}
