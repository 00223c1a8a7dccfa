import { join } from "node:path";
import { Command } from "commander";
import {
  fewImagesWarning,
  figuresTable,
  measureCosts,
  planRun,
  type SetAnalysis,
  type SettingCost,
  TUNED_FILE,
  type Tuning,
  textTable,
  tune,
} from "../eval/index.js";
import { InvalidArgumentError, regular } from "../index.js";
import { type AnsweringFlags, addAnsweringOptions, answeringFrom } from "./answering-options.js";
import { addJudgeOptions, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { addMethodOptions, type MethodFlags, methodsFrom } from "./method-options.js";
import { addModelOptions, loadModel, type ModelFlags } from "./model-options.js";
import { integerAtLeast } from "./options.js";
import { progressLine } from "./progress-line.js";
import { addSetOptions, BENCHMARK_NAMES, requestedSets, type SetFlags } from "./set-options.js";
import { untilStopped } from "./stop-signal.js";
import { triedSettings } from "./tried-settings.js";
import { VERSION } from "./version.js";
import { wrapText } from "./wrap-text.js";

interface TuneFlags extends ModelFlags, MethodFlags, JudgeFlags, SetFlags, AnsweringFlags {
  readonly method: string;
  readonly try?: readonly string[];
  readonly out: string;
  readonly costQuestions: number;
  readonly json?: true;
}

/** `groundsight tune`: a method's setting chosen on dev questions. */
export function tuneCommand(): Command {
  const command = new Command("tune")
    .description("Choose a method's setting on dev questions; resumes where it was stopped.")
    .argument("<benchmark>", BENCHMARK_NAMES)
    .requiredOption("--method <name>", "the method, as in --methods of eval: vcd, vti+vcd")
    .option(
      "--try <name=values>",
      "values of a setting to try, such as alpha=0.5,1,2; given once for each setting",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .requiredOption("--out <folder>", `folder of the run, its report and ${TUNED_FILE}`);
  addAnsweringOptions(addSetOptions(command))
    .option(
      "--cost-questions <n>",
      "dev questions that the time of each setting is measured on; 0 measures none",
      integerAtLeast(0),
      8,
    )
    .option("--json", "print the chosen setting as JSON");
  addJudgeOptions(addMethodOptions(addModelOptions(command)));
  return command.addHelpText("after", HELP).action(run);
}

const HELP = `
Every combination of the values answers the dev questions, beside regular; one setting is chosen for all sets, and
written to ${TUNED_FILE} in --out. 'groundsight eval --settings' takes that file and asks only about other images.
Dev questions are the pocket sets' own, or of a published file those about a share of its images.

Examples:
  $ groundsight tune pocket --method vcd --try alpha=0.5,1,2 --try beta=0.1,0.2 --out runs/tune-vcd
  $ groundsight eval pocket --settings runs/tune-vcd/${TUNED_FILE} --out runs/tuned
  $ groundsight tune pope --data coco_pope_random.json --images val2014 --method vcd --try noise-step=300,500,700 --out runs/tune-pope`;

async function run(benchmark: string, flags: TuneFlags): Promise<void> {
  const { method, try: tries = [], out } = flags;
  if (tries.length === 0) {
    throw new InvalidArgumentError("try: received nothing; expected values, as in --try alpha=1,2");
  }
  const tried = triedSettings(method, tries);
  const made = await methodsFrom([...tried.values()], flags);
  const candidates = new Map([...tried.keys()].map((name, i) => [name, made[i]!]));
  const sets = await planRun(await requestedSets(benchmark, flags, "dev"));
  const judge = judgeFrom(flags, join(out, "verdicts.jsonl"));
  await using model = await loadModel(flags);
  for (const candidate of candidates.values()) await model.prepare(candidate);
  const progress = progressLine();
  const answering = answeringFrom(flags);
  const { tuning, costs } = await untilStopped(async (signal) => {
    const tuning = await tune(model, {
      ...answering,
      name: method,
      candidates,
      seeds: flags.seeds ?? 0,
      noiseDraws: flags.noiseDraws,
      sets,
      out,
      version: VERSION,
      judge,
      signal,
      onProgress: progress.show,
    });
    const all = new Map([["regular", regular()], ...candidates]);
    const { promptSuffix } = tuning.analysis.settings;
    const options = { questions: flags.costQuestions, promptSuffix, signal };
    const costs =
      flags.costQuestions === 0 ? [] : await measureCosts(model, tuning.tuned, sets, all, options);
    return { tuning, costs };
  }).finally(progress.end);
  const output =
    flags.json === true
      ? JSON.stringify({ ...tuning.tuned, costs }, null, 2)
      : text(tuning, costs, out);
  process.stdout.write(`${output}\n`);
}

function text({ tuned, analysis }: Tuning, costs: readonly SettingCost[], out: string): string {
  const ranks = tuned.tried.map(({ name, rank }) => [name, rank.toFixed(1)]);
  const several = tuned.sets.length > 1 && costs.length === 0;
  return [
    ...analysis.sets.map((set) => setText(set, tuned.chosen)),
    ...(several
      ? [`Mean place over all sets:\n${textTable([["setting", "place"], ...ranks], columns())}`]
      : []),
    ...(costs.length === 0 ? [] : [costText(costs)]),
    wrapText(`chosen: ${tuned.chosen}${tieText(tuned)}`, "  "),
    wrapText(join(out, TUNED_FILE), "  "),
  ].join("\n\n");
}

/** Cost against quality: times of whole answers, so that what a method generates beforehand counts. */
function costText(costs: readonly SettingCost[]): string {
  const rows = costs.map(({ name, rank, ratio, onFrontier }) => [
    name,
    rank === null ? "" : rank.toFixed(1),
    ratio.toFixed(2),
    onFrontier ? "*" : "",
  ]);
  const head = ["setting", "mean place", "time x regular", "frontier"];
  return `${textTable([head, ...rows], columns())}\n${wrapText("* no other setting is as good and as cheap, and better in one of the two", "  ")}`;
}

/** Whether others were as good as the chosen setting, which was tried first then. */
function tieText({ tried, chosen }: Tuning["tuned"]): string {
  const best = tried.find(({ name }) => name === chosen)?.rank;
  const equal = tried.filter(({ rank }) => rank === best).length;
  return equal === 1 ? "" : `, the first of ${equal} that are as good`;
}

function setText(set: SetAnalysis, chosen: string): string {
  const verdicts = set.comparisons
    .filter(({ method }) => method === chosen)
    .map(({ decoding, verdict }) => wrapText(`  ${decoding}: ${verdict}`, "    "));
  const warning = fewImagesWarning(set.primaryImages);
  return [
    wrapText(`${set.name} (rule ${set.rule}), dev: ${set.questions} questions`, "  "),
    textTable(figuresTable(set), columns()),
    ...(warning === null ? [] : [wrapText(warning, "  ")]),
    ...verdicts,
  ].join("\n");
}

function columns(): number | undefined {
  return process.stdout.columns;
}
