import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, Option } from "commander";
import {
  ENDPOINT_METHODS,
  evaluate,
  evaluateEndpoint,
  heldOutBy,
  POCKET_SETS,
  parseTunedSetting,
  planControls,
  planRun,
  planSeries,
  type RunAnalysis,
  type SetRequest,
  type TunedSetting,
} from "../eval/index.js";
import { DatasetError, InferenceError } from "../index.js";
import { type AnsweringFlags, addAnsweringOptions, answeringFrom } from "./answering-options.js";
import { MODULE_HELP } from "./benchmark-argument.js";
import {
  addEndpointOptions,
  type EndpointFlags,
  endpointFrom,
  endpointMethods,
  pricesFrom,
} from "./endpoint-options.js";
import { evalText } from "./eval-output.js";
import { addJudgeOptions, DEFAULT_URL, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { addMethodOptions, wrapped } from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { progressLine } from "./progress-line.js";
import { say } from "./report-failure.js";
import { type RunMethodFlags, runMethods } from "./run-methods.js";
import { addSetOptions, BENCHMARK_NAMES, requestedSets, type SetFlags } from "./set-options.js";
import { untilStopped } from "./stop-signal.js";
import { VERSION } from "./version.js";

interface EvalFlags
  extends ModelFlags,
    EndpointFlags,
    RunMethodFlags,
    JudgeFlags,
    SetFlags,
    AnsweringFlags {
  readonly split?: "dev" | "test";
  readonly settings?: string[];
  readonly greedy?: true;
  readonly controls?: true;
  readonly out: string;
  readonly details?: true;
  readonly json?: true;
}

/** `groundsight eval`: a benchmark run with several methods. */
export function evalCommand(): Command {
  const command = new Command("eval")
    .description("Run a benchmark with several methods; resumes where it was stopped.")
    .argument("<benchmark>", BENCHMARK_NAMES)
    .requiredOption("--out <folder>", "folder of the run: answers, settings and report");
  addSetOptions(command)
    .addOption(
      new Option(
        "--split <part>",
        "of the pocket sets (default: test), or of published files (default: all of them)",
      ).choices(["dev", "test"]),
    )
    .option("--methods <list>", "names separated by commas", "regular,apc,vcd")
    .option(
      "--settings <file...>",
      "settings that 'groundsight tune' chose; without --methods they are all that is run",
    )
    .option("--without <list>", "leave out the baseline or the control: regular, apc", "")
    .option("--greedy", "decode greedily; the default without --seeds")
    .option(
      "--controls",
      "decode further controls: pba (a request to say yes), eos (an earlier end), cool (half the temperature)",
    );
  addAnsweringOptions(command)
    .option("--details", "print all figures, comparisons and findings behind the overview, too")
    .option("--json", "print the report as JSON");
  addJudgeOptions(addMethodOptions(addEndpointOptions(addModelOptions(command))));
  return command.addHelpText("after", HELP).action(run);
}

const HELP = `
A server that speaks OpenAI's protocol is asked with --model openai:<name>@<base URL>
(default: OPENAI_BASE_URL, else ${DEFAULT_URL}; key from OPENAI_API_KEY),
by ${ENDPOINT_METHODS}.
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
  $ groundsight eval pope --data coco_pope_random.json --images val2014 --settings runs/tune-vcd/tuned.json --out runs/tuned
  $ groundsight eval chair --data captions.jsonl --truth objects_by_image.json --images images --out runs/chair
  $ groundsight eval chair --data captions.jsonl --truth objects_by_image.json --methods regular,verify:mode=drop \\
      --model openai:gpt-4o-mini@https://api.openai.com/v1 --limit 50 --price-in 0.15 --price-out 0.6 \\
      --out runs/hosted
  $ groundsight eval ./my-benchmark.mjs --data questions.jsonl --images images --out runs/mine`;

async function run(benchmark: string, flags: EvalFlags, command: Command): Promise<void> {
  const endpoint = endpointFrom(flags);
  const named = command.getOptionValueSource("methods") !== "default";
  const asked = endpoint === null ? null : await endpointMethods(flags, named);
  const tuned = await Promise.all((flags.settings ?? []).map(readTuned));
  const alone = tuned.length > 0 && !named;
  const requested = await requestedSets(benchmark, flags, flags.split, heldOutBy(tuned));
  const chosen = asked ?? (await runMethods(alone ? { ...flags, methods: "" } : flags, tuned));
  const { methods, series } = withControls(requested, flags, chosen);
  const sets = await planRun(requested);
  const judge = judgeFrom(flags, join(flags.out, "verdicts.jsonl"));
  await using model = endpoint === null ? await loadModel(flags) : undefined;
  for (const method of methods.values()) await model?.prepare(method);
  const prices = pricesFrom(flags);
  const progress = progressLine();
  const analysis = await untilStopped((signal) => {
    const request = {
      sets,
      methods,
      series,
      ...answeringFrom(flags),
      out: flags.out,
      version: VERSION,
      judge,
      signal,
      onProgress: progress.show,
    };
    if (model !== undefined) return evaluate(model, { ...request, tuned });
    return evaluateEndpoint(endpoint!, { ...request, ...(prices && { prices }) });
  }).finally(progress.end);
  const details = flags.details === true;
  process.stdout.write(
    flags.json === true ? json(analysis) : evalText(analysis, { out: flags.out, details }),
  );
  tellFailures(analysis);
}

/** A run without any figure is a failure, though its report is written. */
function tellFailures({ sets }: RunAnalysis): void {
  const failed = sets.flatMap(({ failures }) => failures.answers);
  if (failed.length === 0) return;
  if (sets.every(({ questions }) => questions === 0)) {
    throw new InferenceError(
      `there are no figures: of every question an answer failed, the first with: ${failed[0]?.error}. When this is ` +
        "mended, the same command with --retry-failed asks again",
    );
  }
  const each = failed.length === 1 ? "1 answer" : `${failed.length} answers`;
  say(`${each} failed; --retry-failed asks again`);
}

/** The methods of a run, with the controls that are asked for, and how they answer. */
function withControls(
  requested: readonly SetRequest[],
  flags: EvalFlags,
  methods: Awaited<ReturnType<typeof runMethods>>,
) {
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

async function readTuned(path: string): Promise<TunedSetting> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new DatasetError(
      `${path}: cannot be read; expected a file that 'groundsight tune' wrote`,
      {
        cause,
      },
    );
  });
  return parseTunedSetting(text, path);
}

function json(analysis: RunAnalysis): string {
  return `${JSON.stringify(analysis, null, 2)}\n`;
}
