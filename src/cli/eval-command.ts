import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import {
  behaviourTables,
  controlsTable,
  DEFAULT_POCKET_SETS,
  evaluate,
  fewImagesWarning,
  figuresTable,
  findingsText,
  gainsText,
  POCKET_SETS,
  planControls,
  planRun,
  planSeries,
  pocketSuite,
  REPORT_FILES,
  type RunAnalysis,
  type SetRequest,
  textTable,
} from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { BENCHMARK_ARGUMENT, benchmarkFrom, MODULE_HELP } from "./benchmark-argument.js";
import { addJudgeOptions, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { addMethodOptions, wrapped } from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast, numberOption } from "./options.js";
import { progressLine } from "./progress-line.js";
import { say } from "./report-failure.js";
import { type RunMethodFlags, runMethods } from "./run-methods.js";
import { untilStopped } from "./stop-signal.js";
import { wrapText } from "./wrap-text.js";

interface EvalFlags extends ModelFlags, RunMethodFlags, JudgeFlags {
  readonly data?: string[];
  readonly truth?: string;
  readonly images?: string;
  readonly split: "dev" | "test";
  readonly sets?: string;
  readonly rule?: string;
  readonly limit?: number;
  readonly greedy?: true;
  readonly seeds?: number;
  readonly controls?: true;
  readonly noiseDraws: number;
  readonly temperature: number;
  readonly topP: number;
  readonly suffix: string;
  readonly promptVariant?: string;
  readonly batch: number;
  readonly retryFailed?: true;
  readonly out: string;
  readonly json?: true;
}

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** `groundsight eval`: a benchmark run with several methods. */
export function evalCommand(): Command {
  const command = new Command("eval")
    .description("Run a benchmark with several methods; resumes where it was stopped.")
    .argument("<benchmark>", `pocket, ${BENCHMARK_ARGUMENT}`)
    .requiredOption("--out <folder>", "folder of the run: answers, settings and report")
    .option("--data <file...>", "question files in the published format")
    .option("--truth <file>", "truth, where the format keeps it apart from the questions")
    .option("--images <folder>", "folder of the images; 'images' beside the data by default")
    .addOption(
      new Option("--split <name>", "of the pocket sets").choices(["dev", "test"]).default("test"),
    )
    .option("--sets <list>", `pocket sets (default: ${DEFAULT_POCKET_SETS.join(",")})`)
    .option("--rule <name>", "a scoring rule; the authors' one by default")
    .option("--limit <n>", "ask only about the first n images of each file", integerAtLeast(1))
    .option("--methods <list>", "names separated by commas", "regular,apc,vcd")
    .option("--without <list>", "leave out the baseline or the control: regular, apc", "")
    .option("--greedy", "decode greedily; the default without --seeds")
    .option("--seeds <n>", "sample with n seeds", integerAtLeast(1))
    .option(
      "--noise-draws <n>",
      "greedy answers of methods that draw noise (vcd, averaging) are made under n draws",
      integerAtLeast(1),
      3,
    )
    .option(
      "--controls",
      "decode further controls: pba (a request to say yes), eos (an earlier end), cool (half the temperature)",
    )
    .option("--temperature <t>", "of the sampling seeds", numberOption, 1)
    .option("--top-p <p>", "of the sampling seeds", numberOption, 1)
    .option("--suffix <text>", "appended to every question", "")
    .option("--prompt-variant <list>", "prompts of a benchmark that has several, a set for each")
    .option(
      "--batch <n>",
      "questions answered together (int8 graphs: one by one)",
      integerAtLeast(1),
      8,
    )
    .option("--retry-failed", "ask again for answers that failed before")
    .option("--json", "print the report as JSON");
  addJudgeOptions(addMethodOptions(addModelOptions(command)));
  return command.addHelpText("after", HELP).action(run);
}

const HELP = `
The greedy baseline (regular) and the control (apc) are always run unless --without names them.
vti steers along the directions of --steer <file>; vti:image=0.4:text=0 sets strengths, vti+vcd adds a method.
Pocket sets:
${wrapped(Object.keys(POCKET_SETS).join(", "), "  ")}
${MODULE_HELP}

Examples:
  $ groundsight eval pocket --methods regular,apc,vcd --greedy --seeds 3 --out runs/pocket
  $ groundsight eval pocket --methods regular,apc,vcd,vti,vti+vdgd --steer directions.safetensors --out runs/vti
  $ groundsight eval pope --data coco_pope_random.json --images val2014 --model llava-hf/llava-interleave-qwen-0.5b-hf --dtype q4 \\
      --suffix " Please answer this question with one word." --seeds 3 --limit 50 --out runs/pope
  $ groundsight eval chair --data captions.jsonl --truth objects_by_image.json --images images --out runs/chair
  $ groundsight eval ./my-benchmark.mjs --data questions.jsonl --images images --out runs/mine`;

async function run(benchmark: string, flags: EvalFlags): Promise<void> {
  const requested = await requestedSets(benchmark, flags);
  const { methods, series } = await plannedSeries(requested, flags);
  const sets = await planRun(requested);
  const judge = judgeFrom(flags, join(flags.out, "verdicts.jsonl"));
  await using model = await loadModel(flags);
  for (const method of methods.values()) await model.prepare(method);
  const progress = progressLine();
  const analysis = await untilStopped((signal) =>
    evaluate(model, {
      sets,
      methods,
      series,
      temperature: flags.temperature,
      topP: flags.topP,
      promptSuffix: flags.suffix,
      out: flags.out,
      version,
      judge,
      batchSize: flags.batch,
      retryFailed: flags.retryFailed === true,
      signal,
      onProgress: progress.show,
    }),
  ).finally(progress.end);
  process.stdout.write(flags.json === true ? json(analysis) : text(analysis, flags.out));
  const failed = analysis.sets.reduce((sum, { failures }) => sum + failures.answers.length, 0);
  if (failed > 0) {
    const each = failed === 1 ? "1 answer" : `${failed} answers`;
    say(`${each} failed; --retry-failed asks again`);
  }
}

/** The methods of a run, with the controls that are asked for, and how they answer. */
async function plannedSeries(requested: readonly SetRequest[], flags: EvalFlags) {
  const methods = await runMethods(flags);
  const { seeds = 0, noiseDraws } = flags;
  const greedy = flags.greedy === true || seeds === 0;
  const series = planSeries({ methods, greedy, seeds, noiseDraws });
  if (flags.controls !== true) return { methods, series };
  const kinds = requested.map(({ benchmark: { kind = "open" } }) => kind);
  const controls = planControls(kinds, { greedy, seeds });
  return {
    methods: new Map([...methods, ...controls.methods]),
    series: [...series, ...controls.series],
  };
}

async function requestedSets(name: string, flags: EvalFlags): Promise<SetRequest[]> {
  const limit = flags.limit ?? null;
  if (name === "pocket") {
    if ([flags.data, flags.rule, flags.promptVariant].some((flag) => flag !== undefined)) {
      throw new InvalidArgumentError(
        "pocket has its own data, rules and prompts; leave out --data, --rule, --prompt-variant",
      );
    }
    return pocketSuite(flags.split, flags.sets?.split(","), limit);
  }
  const benchmark = await benchmarkFrom(name);
  if (flags.data === undefined) {
    throw new InvalidArgumentError(`${name}: give the questions with --data`);
  }
  const variants = flags.promptVariant?.split(",") ?? [undefined];
  return flags.data.flatMap((data) =>
    variants.map((promptVariant) => ({
      benchmark,
      data,
      truth: flags.truth ?? null,
      images: flags.images ?? join(dirname(data), "images"),
      rule: flags.rule ?? benchmark.rules[0],
      limit,
      ...(promptVariant === undefined ? {} : { promptVariant }),
    })),
  );
}

function json(analysis: RunAnalysis): string {
  return `${JSON.stringify(analysis, null, 2)}\n`;
}

function text(analysis: RunAnalysis, out: string): string {
  const sets = analysis.sets.map((set) => {
    const verdicts = set.comparisons.map(({ decoding, verdict }) =>
      wrapText(`  ${decoding}: ${verdict}`, "    "),
    );
    const beside = (set.frontier?.comparisons ?? []).map(({ decoding, verdict }) =>
      wrapText(`  ${decoding}: ${verdict}`, "    "),
    );
    const controls = controlsTable(set);
    const findings = findingsText(set).map((line) => wrapText(`  ${line}`, "    "));
    const warning = fewImagesWarning(set.primaryImages);
    return [
      wrapText(`${set.name} (rule ${set.rule})`, "  "),
      textTable(figuresTable(set), process.stdout.columns),
      ...(warning === null ? [] : [wrapText(warning, "  ")]),
      ...verdicts,
      ...beside,
      ...(controls === null ? [] : ["Controls:", textTable(controls, process.stdout.columns)]),
      ...(findings.length === 0 ? [] : ["Findings:", ...findings]),
      ...behaviourTables(set).map(
        ({ title, table }) => `${title}:\n${textTable(table, process.stdout.columns)}`,
      ),
    ].join("\n");
  });
  const gains = gainsText(analysis).map((line) => wrapText(line, "  "));
  return `${sets.join("\n\n")}\n\n${gains.join("\n")}\n${wrapText(`report: ${join(out, REPORT_FILES.html)}`, "  ")}\n`;
}
