import { tallyText } from "../judge/judge-answers.js";
import { fewImagesWarning } from "../statistics/unvaried.js";
import { behaviourTables } from "./behaviour-tables.js";
import { endpointText, usageTable } from "./endpoint-text.js";
import { escapeMarkdown } from "./escape-markdown.js";
import { failuresText } from "./failures-text.js";
import { gainsText } from "./gains-text.js";
import {
  controlsTable,
  figuresTable,
  findingsText,
  groupsTable,
  modelName,
  settingsTable,
  type Table,
} from "./report-tables.js";
import type { RunAnalysis, SetAnalysis } from "./run-analysis.js";
import { settingsText } from "./settings-text.js";

/** A run's report as Markdown. */
export function renderMarkdown(analysis: RunAnalysis): string {
  const usage = usageTable(analysis);
  return [
    `# Evaluation of ${escapeMarkdown(modelName(analysis.settings.model))}`,
    list([...gainsText(analysis), ...settingsText(analysis.settings), ...endpointText(analysis)]),
    ...analysis.sets.flatMap(renderSet),
    ...(usage === null ? [] : ["## What the server was asked", table(usage)]),
    "## Settings",
    table(settingsTable(analysis)),
  ].join("\n\n");
}

function renderSet(set: SetAnalysis): string[] {
  const groups = groupsTable(set);
  const controls = controlsTable(set);
  const warning = fewImagesWarning(set.primaryImages);
  return [
    `## ${escapeMarkdown(set.name)}: ${escapeMarkdown(set.title)}`,
    `Rule \`${set.rule}\`, ${set.questions} questions about ${set.images} images. In brackets the 95% interval.${judgingOf(set)}`,
    ...(warning === null ? [] : [`**${warning}**`]),
    ...(set.failures.answers.length === 0
      ? []
      : [`**${escapeMarkdown(failuresText(set.failures))}**`]),
    table(figuresTable(set)),
    ...(set.comparisons.length === 0
      ? []
      : [list(set.comparisons.map(({ decoding, verdict }) => `${decoding}: ${verdict}`))]),
    ...(controls === null ? [] : ["Controls:", table(controls)]),
    ...(set.findings.length === 0 ? [] : ["Findings:", list(findingsText(set))]),
    ...(groups === null ? [] : ["By part:", table(groups)]),
    ...behaviourTables(set).flatMap((one) => [`${escapeMarkdown(one.title)}:`, table(one.table)]),
    ...frontierOf(set),
  ];
}

/** Each method's hallucination beside that of captions cut to its recall. */
function frontierOf({ frontier }: SetAnalysis): string[] {
  if (frontier === null || frontier.comparisons.length === 0) return [];
  return [list(frontier.comparisons.map(({ decoding, verdict }) => `${decoding}: ${verdict}`))];
}

function judgingOf({ judging }: SetAnalysis): string {
  return judging === null ? "" : ` Verdicts: ${escapeMarkdown(tallyText(judging))}.`;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeMarkdown(line)}`).join("\n");
}

function table([header = [], ...rows]: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [line(header), `|${"---|".repeat(header.length)}`, ...rows.map(line)].join("\n");
}
