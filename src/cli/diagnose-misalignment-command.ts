import { join } from "node:path";
import { Command, Option } from "commander";
import {
  CAUSES,
  type CauseFigure,
  type ErrorRate,
  type Misalignment,
  misalignmentOf,
  openIndex,
  preparePlots,
  writeMisalignment,
} from "../diagnose/index.js";
import { type Interval, textTable } from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { type BaseFlags, chooseBase } from "./base-option.js";
import { addJudgeOptions, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast } from "./options.js";
import { progressLine } from "./progress-line.js";
import { untilStopped } from "./stop-signal.js";
import { wrapText } from "./wrap-text.js";

interface MisalignmentFlags extends ModelFlags, BaseFlags, JudgeFlags {
  readonly index?: string;
  readonly neighbours?: number;
  readonly threshold: "0" | "1";
  readonly scenes?: string;
  readonly reference?: string;
  readonly seed?: number;
  readonly out?: string;
  readonly json?: true;
}

/** `groundsight diagnose misalignment`: what the answers of a run are wrong about, and why. */
export function diagnoseMisalignmentCommand(): Command {
  const command = new Command("misalignment")
    .description(
      "Tell what the answers of an evaluation run are wrong about, why its captions hallucinate, and which method removes which cause.",
    )
    .argument("<run>", "folder that eval wrote (--out), of the same model")
    .option(
      "--base <name>",
      "the LLM that the model was tuned from: 'pocket-base', a text model's folder or hub id; 'self' for the model without its image (default: the known one, where it is on this machine)",
    )
    .option("--base-dtype <name>", "its precision: fp32, fp16, q8, q4, ... (default: fp32)")
    .option("--index <file>", "what the model was tuned on, by 'index build'")
    .option("--neighbours <n>", "images of the index to look at (default: 25)", integerAtLeast(1))
    .addOption(
      new Option("--threshold <rank>", "up to which base rank a word is the language's own")
        .choices(["0", "1"])
        .default("0"),
    )
    .option(
      "--scenes <file>",
      "truth with colours, places and relations (default: scenes.json beside the run's truth file)",
    )
    .option("--reference <method>", "what the others are compared with (default: regular)")
    .option("--seed <n>", "of the intervals (default: 0)", integerAtLeast(0))
    .option("--out <folder>", "write misalignment.json and misalignment.svg")
    .option("--json", "print JSON (docs/command-line.md)");
  return addJudgeOptions(addModelOptions(command))
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight eval pocket --sets captions --methods regular,vcd,vdgd --out runs/captions
  $ groundsight index build pocket/bench/index/samples.jsonl --images pocket/bench/index/images --out samples.index
  $ groundsight diagnose misalignment runs/captions --index samples.index --out findings

With --judge-model a judge names the hallucinated phrases, where no rule fits; without one they are told by rules: objects,
colours, relations and actions against the truth.`,
    )
    .action(run);
}

async function run(folder: string, flags: MisalignmentFlags): Promise<void> {
  const { index: indexFile, out, json, neighbours, scenes, reference, seed } = flags;
  if (out !== undefined) await preparePlots();
  await using model = await loadModel(flags);
  const { base, notes } = await chooseBase(model, flags, flags);
  if (base === null) {
    throw new InvalidArgumentError("--base: received none; causes are told by a base LLM, or self");
  }
  for (const note of notes) process.stderr.write(`${wrapText(note, "  ")}\n`);
  await using _base = typeof base === "object" ? base : null;
  await using index = indexFile === undefined ? null : await openIndex(indexFile, model);
  const progress = progressLine("answers");
  const judge = judgeFrom(flags, join(out ?? folder, "phrase-verdicts.jsonl")) ?? undefined;
  const given = { neighbours, scenes, reference, seed, judge };
  const report = await untilStopped((signal) =>
    misalignmentOf(model, folder, {
      base,
      ...(index === null ? {} : { index }),
      threshold: flags.threshold === "1" ? 1 : 0,
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      signal,
      onProgress: (done, total) =>
        progress.show({ set: "misalignment", done, total, answered: done }),
    }),
  ).finally(progress.end);
  const written = out === undefined ? [] : await writeMisalignment(report, out);
  process.stdout.write(
    json === true ? `${JSON.stringify(report, null, 2)}\n` : text(report, written),
  );
}

function text(report: Misalignment, written: readonly string[]): string {
  const { run, model, base, captions, images, errors, causes, findings, warnings } = report;
  const width = process.stdout.columns;
  const head = `misalignment: ${run}, ${model.id} (${model.dtype}), base ${base.id}${base.kind === "approximation" ? " without the image" : ""}; ${captions} answers about ${images} images, intervals of 95% by image`;
  return [
    wrapText(head, "  "),
    "",
    ...(errors.length === 0 ? [] : ["wrong, %", textTable(errorTable(errors), width), ""]),
    ...(causes.length === 0
      ? []
      : [
          "hallucinated phrases in a hundred answers, by cause",
          textTable(causeTable(causes), width),
          "",
        ]),
    ...findings.map((finding) => wrapText(`- ${finding}`, "  ")),
    ...warnings.map((warning) => wrapText(`! ${warning}`, "  ")),
    ...written.map((path) => wrapText(path, "  ")),
    "",
  ].join("\n");
}

function errorTable(errors: readonly ErrorRate[]): string[][] {
  const kinds = [...new Set(errors.map(({ of }) => of))];
  const methods = [...new Set(errors.map(({ method }) => method))];
  const cell = (method: string, kind: ErrorRate["of"]) => {
    const found = errors.find((one) => one.method === method && one.of === kind);
    return found === undefined ? "" : `${withEnds(found.percent, found.interval)}, n ${found.n}`;
  };
  return [
    ["method", ...kinds],
    ...methods.map((method) => [method, ...kinds.map((kind) => cell(method, kind))]),
  ];
}

/** An asterisk stands behind what differs from the reference. */
function causeTable(causes: readonly CauseFigure[]): string[][] {
  const methods = [...new Set(causes.map(({ method }) => method))];
  const cell = (method: string, cause: CauseFigure["cause"]) => {
    const found = causes.find((one) => one.method === method && one.cause === cause);
    if (found === undefined) return "";
    return `${withEnds(found.per100, found.interval)}${found.against?.shown === true ? " *" : ""}`;
  };
  return [
    ["method", ...CAUSES],
    ...methods.map((method) => [method, ...CAUSES.map((cause) => cell(method, cause))]),
    ...(causes.some(({ against }) => against?.shown === true)
      ? [["* differs from the reference"]]
      : []),
  ];
}

function withEnds(value: number, interval: Interval | null): string {
  const ends =
    interval === null ? "" : ` (${interval.low.toFixed(1)} to ${interval.high.toFixed(1)})`;
  return `${value.toFixed(1)}${ends}`;
}
