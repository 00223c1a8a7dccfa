import type { Cell } from "../contract/benchmark.js";
import { CUT_LENGTHS, cutName } from "../metrics/cut-metrics.js";
import { formatValue } from "./format-value.js";
import { decodingOf, shownName, type Table, titleOf } from "./report-tables.js";
import type { SetAnalysis, Transition } from "./run-analysis.js";
import { formatPValue } from "./verdict.js";

/** A table with what it shows. */
export interface TitledTable {
  readonly title: string;
  readonly table: Table;
}

/** What the answers of a set are like, in short form: figures alone, since their intervals stand in report.json. */
export function behaviourTables(set: SetAnalysis): TitledTable[] {
  return [measuresTable(set), cutTable(set), transitionsTable(set)].flatMap((one) => one ?? []);
}

/** Words, repetitions, yes against the truth and the like; what is undefined for all methods is left out. */
function measuresTable(set: SetAnalysis): TitledTable | null {
  const measures = set.measures.filter(
    ({ name }) => !isCut(name) && set.behaviour.some((one) => hasValue(one.figures[name])),
  );
  if (measures.length === 0) return null;
  const rows = set.behaviour.map(({ method, figures }, index) => [
    shownName({ method }),
    decodingOf(set.methods[index]!),
    ...measures.map((measure) => formatValue(measure, figures[measure.name]!.value)),
  ]);
  return {
    title: "What the answers are like",
    table: [["method", "decoding", ...measures.map(titleOf)], ...rows],
  };
}

/** Of captions: the metrics between which length chooses, over the same number of words. */
function cutTable(set: SetAnalysis): TitledTable | null {
  if (set.frontier === null) return null;
  const { hallucination, recall } = set.frontier;
  const rows = set.behaviour.map(({ method, figures }, index) => [
    shownName({ method }),
    decodingOf(set.methods[index]!),
    ...CUT_LENGTHS.map((words) =>
      [hallucination, recall]
        .map((metric) => formatValue(metric, figures[cutName(metric.name, words)]!.value))
        .join(", "),
    ),
  ]);
  return {
    title: `${titleOf(hallucination)}, ${titleOf(recall)} over the first words`,
    table: [["method", "decoding", ...CUT_LENGTHS.map((words) => `${words} words`)], ...rows],
  };
}

/** A question's truth stays: of the 16 fields of the table these eight can be other than 0. */
const MOVES: readonly (readonly [Cell, Cell])[] = [
  ["tp", "tp"],
  ["fn", "fn"],
  ["tn", "tn"],
  ["fp", "fp"],
  ["fn", "tp"],
  ["tn", "fp"],
  ["tp", "fn"],
  ["fp", "tn"],
];

function transitionsTable({ transitions }: SetAnalysis): TitledTable | null {
  if (transitions.length === 0) return null;
  const shown = (cell: Cell) => cell.toUpperCase();
  const header = MOVES.map(([from, to]) => `${shown(from)} to ${shown(to)}`);
  const row = ({ method, decoding, table, right, yes }: Transition) => [
    method,
    decoding,
    ...MOVES.map(([from, to]) => String(table[from][to])),
    formatPValue(right.adjustedPValue),
    formatPValue(yes.adjustedPValue),
  ];
  return {
    title: "From regular's answers to a method's",
    table: [
      ["method", "decoding", ...header, "as many right", "as many yes"],
      ...transitions.map(row),
    ],
  };
}

function isCut(name: string): boolean {
  return name.endsWith("_words") && name.includes("_first_");
}

function hasValue(
  figure: SetAnalysis["behaviour"][number]["figures"][string] | undefined,
): boolean {
  return (figure?.value.value ?? null) !== null;
}
