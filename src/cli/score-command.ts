import { Command } from "commander";
import {
  type AnsweredQuestion,
  addCounts,
  addScores,
  BENCHMARKS,
  type Benchmark,
  isJudged,
  jointIntervalsInTurns,
  judgeMatched,
  type LeftOut,
  matchFile,
  metricValues,
  type Question,
  readDataFile,
  requireRule,
  type SeriesScore,
  scoreFile,
  scoreMatched,
  tallyText,
} from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { BENCHMARK_ARGUMENT, benchmarkFrom, MODULE_HELP } from "./benchmark-argument.js";
import { addJudgeOptions, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { furtherOf, type ScoredSeries, scoresAsJson, scoresAsText } from "./score-output.js";
import { columnsOf, wrapText } from "./wrap-text.js";

interface ScoreFlags extends JudgeFlags {
  readonly truth?: readonly string[];
  readonly data?: string;
  readonly rule?: string;
  readonly partial?: true;
  readonly json?: true;
}

/** `groundsight score`: rescoring of answers made by anyone. */
export function scoreCommand(): Command {
  const command = new Command("score")
    .description("Score answers made by anyone, by the benchmark authors' rules.")
    .argument("<benchmark>", BENCHMARK_ARGUMENT)
    .argument("<answers...>", "JSONL, JSON array, tab-separated, CSV, Parquet; gzip; folders")
    .option(
      "--truth <file>",
      "questions and truth in the published format; given once for each answer file, or for all",
      (file: string, before: readonly string[] = []) => [...before, file],
    )
    .option("--data <file>", "questions, where the format keeps them apart from the truth")
    .option("--rule <name>", "a scoring rule; the authors' one by default")
    .option("--partial", "leave out questions without answer and answers without question")
    .option("--json", "print JSON");
  return addJudgeOptions(command).addHelpText("after", help).action(run);
}

const help = `
Rules:
${BENCHMARKS.map(({ name, rules }) => `  ${name}: ${rules.join(", ")}`).join("\n")}

A folder counts as one file. MME's result files hold questions and truth too: they need no --truth.
${MODULE_HELP}

Examples:
  $ groundsight score pope answers.jsonl --truth coco_pope_random.json --rule pope --json
  $ groundsight score pope answers.jsonl --truth coco_repope_random.json --partial
  $ groundsight score pope random.jsonl popular.jsonl --truth coco_pope_random.json --truth coco_pope_popular.json
  $ groundsight score mme your_results
  $ groundsight score chair captions.jsonl --truth objects_by_image.json --json
  $ groundsight score ./my-benchmark.mjs answers.jsonl --truth questions.jsonl`;

async function run(name: string, paths: readonly string[], flags: ScoreFlags): Promise<void> {
  const benchmark = await benchmarkFrom(name);
  const rule = flags.rule ?? benchmark.rules[0];
  requireRule(benchmark, rule);
  const truths = truthsOf(benchmark, paths, flags);
  const questions = new Map<string, readonly Question[]>();
  const scored: ScoredSeries[] = [];
  for (const [index, path] of paths.entries()) {
    const truth = truths[index % truths.length]!;
    const asked = questions.get(truth) ?? (await loadQuestions(benchmark, truth, flags.data));
    questions.set(truth, asked);
    const scores = await scoresOf(benchmark, asked, path, rule, flags);
    const file = paths.length === 1 ? {} : { file: path };
    for (const one of scores) scored.push({ ...(await withFigures(benchmark, one)), ...file });
  }
  // Files with one truth are other answers to the same questions: together they are nothing.
  const together = questions.size > 1 && questions.size === paths.length;
  const all = together ? [...scored, ...(await inAll(benchmark, scored))] : scored;
  const write = flags.json === true ? scoresAsJson : scoresAsText;
  process.stdout.write(`${write(benchmark, all)}\n`);
}

/** A truth for each file, or one for all. */
function truthsOf(
  benchmark: Benchmark,
  paths: readonly string[],
  { truth }: ScoreFlags,
): readonly string[] {
  const truths = truth ?? (benchmark.answersHoldTruth === true ? paths : []);
  if (truths.length === 1 || truths.length === paths.length) return truths;
  const files = paths.length === 1 ? "1 file" : `${paths.length} files`;
  const expected = paths.length === 1 ? "one" : "one for all, or one for each";
  throw new InvalidArgumentError(
    `--truth: received ${truths.length} for ${files} of answers; expected ${expected}`,
  );
}

async function loadQuestions(
  benchmark: Benchmark,
  truth: string,
  data: string | undefined,
): Promise<readonly Question[]> {
  return benchmark.load({
    data: data === undefined ? null : await readDataFile(data),
    truth: await readDataFile(truth),
  });
}

/** Answers to be judged are held; others are scored as they are read. */
async function scoresOf(
  benchmark: Benchmark,
  questions: readonly Question[],
  path: string,
  rule: string,
  flags: ScoreFlags,
): Promise<SeriesScore[]> {
  const allowMissing = flags.partial === true;
  if (!isJudged(benchmark, rule)) {
    return scoreFile(benchmark, questions, path, { rule, allowMissing });
  }
  const answers = new Map<string | null, AnsweredQuestion[]>();
  const leftOut = await matchFile(benchmark, questions, path, allowMissing, (one, series) => {
    const own = answers.get(series);
    if (own === undefined) answers.set(series, [one]);
    else own.push(one);
  });
  const judge = judgeFrom(flags, `${path.replace(/[\\/]+$/, "")}.verdicts.jsonl`);
  const scores: SeriesScore[] = [];
  for (const [series, left] of leftOut) {
    const given = answers.get(series) ?? [];
    const { answered, tally } = await judgeMatched(benchmark, rule, given, judge);
    if (tally !== null) {
      const text = wrapText(`verdicts: ${tallyText(tally)}`, "  ", columnsOf(process.stderr));
      process.stderr.write(`${text}\n`);
    }
    scores.push({ ...scoreMatched(benchmark, answered, rule), series, leftOut: left });
  }
  return scores;
}

async function withFigures(
  benchmark: Benchmark,
  { series, rule, leftOut, ...score }: SeriesScore,
): Promise<ScoredSeries> {
  const further = furtherOf(benchmark);
  const likes = [...score.behaviour.values()];
  const intervals = await jointIntervalsInTurns([
    { clusters: [...score.clusters.values()], metrics: benchmark.metrics },
    { clusters: likes, metrics: further },
  ]);
  return {
    series,
    rule,
    score,
    leftOut,
    metrics: { ...score.metrics, ...metricValues({ metrics: further }, addCounts(likes)) },
    intervals: Object.assign({}, ...intervals),
  };
}

/** The files together, each series for itself. */
async function inAll(
  benchmark: Benchmark,
  scored: readonly ScoredSeries[],
): Promise<ScoredSeries[]> {
  const all: ScoredSeries[] = [];
  for (const series of new Set(scored.map((one) => one.series))) {
    const own = scored.filter((one) => one.series === series);
    const scores = own.map((one) => one.score);
    const { rule = "" } = own[0] ?? {};
    const leftOut = addLeftOut(own.map((one) => one.leftOut));
    const score = { ...addScores(benchmark, scores), series, rule, leftOut };
    all.push({ ...(await withFigures(benchmark, score)), file: null });
  }
  return all;
}

function addLeftOut(all: readonly LeftOut[]): LeftOut {
  return {
    withoutAnswer: all.reduce((sum, one) => sum + one.withoutAnswer, 0),
    withoutQuestion: all.reduce((sum, one) => sum + one.withoutQuestion, 0),
  };
}
