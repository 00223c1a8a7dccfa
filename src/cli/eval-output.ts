import { join } from "node:path";
import {
  behaviourTables,
  controlsTable,
  endpointText,
  failuresText,
  fewImagesWarning,
  figuresTable,
  findingsText,
  gainsNote,
  gainsText,
  overviewOf,
  REPORT_FILES,
  type RunAnalysis,
  type SetAnalysis,
  settingsText,
  type Table,
  textTable,
  usageTable,
} from "../eval/index.js";
import { wrapText } from "./wrap-text.js";

/** What `eval` prints of a run: an overview, with `details` behind all figures of each set. */
export function evalText(
  analysis: RunAnalysis,
  { out, details }: { readonly out: string; readonly details: boolean },
): string {
  const note = gainsNote(analysis);
  const parts = details
    ? [...analysis.sets.map(setText), lines(gainsText(analysis)), ...overviewTexts(analysis, [])]
    : overviewTexts(analysis, note === null ? [] : [note]);
  const notes = [
    ...warningsOf(analysis.sets),
    ...settingsText(analysis.settings),
    ...endpointText(analysis),
    ...(details ? [] : ["all figures and comparisons: the report, or --details"]),
    `report: ${join(out, REPORT_FILES.html)}`,
  ];
  const usage = usageTable(analysis);
  const asked = usage === null ? [] : [`What the server was asked:\n${tableText(usage)}`];
  return `${[...parts, ...asked, lines(notes)].join("\n\n")}\n`;
}

/** Which method helps, where, at what price. */
function overviewTexts(analysis: RunAnalysis, notes: readonly string[]): string[] {
  const isCompared = analysis.sets.some(({ comparisons }) => comparisons.length > 0);
  const closing = lines([...notes, ...(isCompared ? [KEY] : [])]);
  return [
    ...overviewOf(analysis).map(({ title, table, lines: found }) =>
      [wrapText(title, "  "), tableText(table), lines(found, "  ")].filter(Boolean).join("\n"),
    ),
    ...(closing === "" ? [] : [closing]),
  ];
}

const KEY =
  "better, worse: a difference that is shown, by a 95% interval without 0 and a corrected p-value of at most 0.05; others are not shown.";

/** Of how few images sets are, those alike together, and what failed. */
function warningsOf(sets: readonly SetAnalysis[]): string[] {
  const few = new Map<string, string[]>();
  for (const { name, primaryImages, methods } of sets) {
    const warning = methods.length === 0 ? null : fewImagesWarning(primaryImages);
    if (warning !== null) few.set(warning, [...(few.get(warning) ?? []), name]);
  }
  return [
    ...[...few].map(([warning, names]) =>
      sets.length === 1 ? warning : `${names.join(", ")}: ${warning}`,
    ),
    ...sets.flatMap(({ name, failures }) =>
      failures.answers.length === 0 ? [] : [`${name}: ${failuresText(failures)}`],
    ),
  ];
}

/** All figures of a set. */
function setText(set: SetAnalysis): string {
  const { comparisons, frontier } = set;
  const controls = controlsTable(set);
  const findings = findingsText(set);
  const verdicts = [...comparisons, ...(frontier?.comparisons ?? [])].map(
    ({ decoding, verdict }) => `${decoding}: ${verdict}`,
  );
  return [
    wrapText(`${set.name} (rule ${set.rule})`, "  "),
    tableText(figuresTable(set)),
    lines(verdicts, "  "),
    ...(controls === null ? [] : ["Controls:", tableText(controls)]),
    ...(findings.length === 0 ? [] : ["Findings:", lines(findings, "  ")]),
    ...behaviourTables(set).map(({ title, table }) => `${title}:\n${tableText(table)}`),
  ]
    .filter(Boolean)
    .join("\n");
}

function tableText(table: Table): string {
  return textTable(table, process.stdout.columns);
}

function lines(texts: readonly string[], indent = ""): string {
  return texts.map((text) => wrapText(indent + text, `${indent}  `)).join("\n");
}
