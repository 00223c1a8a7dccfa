import { join } from "node:path";
import { Command, Option } from "commander";
import {
  ANALYSES,
  type Analysis,
  type AnalysisResult,
  analysisNamed,
  openDataFolder,
  openPocketBench,
  preparePlots,
  runAnalysis,
  writeAnalysis,
} from "../diagnose/index.js";
import { textTable } from "../eval/index.js";
import type { JsonValue, Setting } from "../index.js";
import { type BaseFlags, chooseBase } from "./base-option.js";
import { diagnoseMisalignmentCommand } from "./diagnose-misalignment-command.js";
import { camelCase, flagOf, settingOption } from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast } from "./options.js";
import { progressLine } from "./progress-line.js";
import { untilStopped } from "./stop-signal.js";
import { wrapText } from "./wrap-text.js";

interface DiagnoseFlags extends ModelFlags, BaseFlags {
  readonly data?: string;
  readonly images?: string;
  readonly split: "dev" | "test";
  readonly limit?: number;
  readonly seed: number;
  readonly out?: string;
  readonly json?: true;
}

/** `groundsight diagnose`: the papers' analyses, repeated on any model. */
export function diagnoseCommand(): Command {
  const command = new Command("diagnose")
    .description("Repeat an analysis of the papers on a model, with intervals and plots.")
    .option("--list", "list the analyses, and what the papers found")
    .addHelpText("after", HELP)
    // Known names are commands of their own.
    .argument("[analysis]", "one of the commands below")
    .action((unknown: string | undefined) => {
      if (unknown !== undefined) analysisNamed(unknown);
      process.stdout.write(`${list()}\n`);
    });
  for (const analysis of ANALYSES) {
    command.addCommand(analysisCommand(analysis));
  }
  command.addCommand(diagnoseMisalignmentCommand());
  return command;
}

const HELP = `
Examples:
  $ groundsight diagnose --list
  $ groundsight diagnose elbow --out findings
  $ groundsight diagnose elbow --model ./checkpoint --data ./my-bench --limit 50 --out findings`;

function analysisCommand(analysis: Analysis): Command {
  const { name, summary, paper, needs, settings, limit } = analysis;
  const command = new Command(name)
    .description(`${summary}.`)
    .option("--data <folder>", "a folder in the form of the pocket bench, which is the default")
    .option("--images <folder>", "folder of the images; 'images' in the data's by default")
    .addOption(
      new Option("--split <part>", "part of the pocket bench")
        .choices(["dev", "test"])
        .default("test"),
    )
    .option(
      "--limit <n>",
      `look at the first n images of each file alone (default: ${limit ?? "all"})`,
      integerAtLeast(1),
    )
    .option("--seed <n>", "of random draws, and of the intervals", integerAtLeast(0), 0)
    .option("--out <folder>", "write the data as JSON, and an SVG for each plot")
    .option("--json", "print the data as JSON");
  for (const [key, setting] of Object.entries(settings)) {
    command.addOption(settingOption(flagOf(key, setting), setting, help(setting)));
  }
  if (needs.model) addModelOptions(command);
  if (needsBase(analysis)) {
    command
      .option(
        "--base <name>",
        "the LLM that the model was tuned from: 'pocket-base', a text model's folder or hub id; 'none' (default: the known one, where it is on this machine)",
      )
      .option("--base-dtype <name>", "its precision: fp32, fp16, q8, q4, ... (default: fp32)");
  }
  return command
    .addHelpText("after", `\n${wrapText(`${paper}\nFiles: ${needs.files.join(", ")}`)}`)
    .action((flags: DiagnoseFlags) => run(analysis, flags));
}

function help(setting: Setting): string {
  return setting.default === null
    ? setting.summary
    : `${setting.summary} (default: ${setting.default})`;
}

async function run(analysis: Analysis, flags: DiagnoseFlags): Promise<void> {
  const { out, seed, json, split, images } = flags;
  const limit = flags.limit ?? analysis.limit ?? null;
  const data =
    flags.data === undefined
      ? openPocketBench(split, { limit })
      : openDataFolder(flags.data, { limit, ...(images === undefined ? {} : { images }) });
  if (out !== undefined) await preparePlots();
  const options = { data, limit, seed, settings: givenSettings(analysis, flags) };
  await using model = analysis.needs.model ? await loadModel(flags) : undefined;
  const { base } = needsBase(analysis) ? await chooseBase(model!, flags, flags) : { base: null };
  await using textModel = typeof base === "object" ? base : null;
  const progress = progressLine("steps");
  const result = await untilStopped((signal) =>
    runAnalysis(analysis, {
      ...options,
      ...(model === undefined ? {} : { model }),
      ...(textModel === null ? {} : { base: textModel }),
      ...(out === undefined ? {} : { keepIn: join(out, `${analysis.name}.work.jsonl`) }),
      signal,
      onProgress: (done, total) =>
        progress.show({ set: analysis.name, done, total, answered: done }),
    }),
  ).finally(progress.end);
  const written = out === undefined ? [] : await writeAnalysis(result, out);
  process.stdout.write(
    json === true ? `${JSON.stringify(result, null, 2)}\n` : text(result, written),
  );
}

function needsBase({ needs }: Analysis): boolean {
  return needs.model && needs.base === true;
}

/** Settings that flags give, under their own names. */
function givenSettings({ settings }: Analysis, flags: DiagnoseFlags): Record<string, JsonValue> {
  const given = flags as unknown as Readonly<Record<string, JsonValue | undefined>>;
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, setting]) => {
      const value = given[camelCase(flagOf(key, setting))];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function text(result: AnalysisResult, written: readonly string[]): string {
  const { table, findings, warnings, paper, model, data, n, seed } = result;
  const columns = [...new Set(table.flatMap((row) => Object.keys(row)))];
  const rows = table.map((row) => columns.map((column) => String(row[column] ?? "")));
  const of = model === null ? data : `${model.id} (${model.dtype}) on ${data}`;
  return [
    wrapText(`${result.analysis}: ${of}, n = ${n}, seed ${seed}, intervals of 95% by image`, "  "),
    textTable([columns, ...rows], process.stdout.columns),
    "",
    ...findings.map((finding) => wrapText(`- ${finding}`, "  ")),
    ...warnings.map((warning) => wrapText(`! ${warning}`, "  ")),
    wrapText(paper, "  "),
    ...written.map((path) => wrapText(path, "  ")),
    "",
  ].join("\n");
}

function list(): string {
  const rows = ANALYSES.map(({ name, summary, paper }) => [name, summary, paper]);
  return textTable([["analysis", "asks", "the paper"], ...rows], process.stdout.columns);
}
