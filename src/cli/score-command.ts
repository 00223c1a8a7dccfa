import { Command } from "commander";
import {
  addCounts,
  answersBySeries,
  BENCHMARKS,
  type Benchmark,
  type BenchmarkScore,
  benchmarkNamed,
  fewImagesWarning,
  formatInterval,
  formatValue,
  furtherMetrics,
  type Interval,
  judgeMatched,
  type Metric,
  type MetricValue,
  matchAnswers,
  metricIntervals,
  metricValues,
  readAnswersTo,
  readDataFile,
  requireRule,
  scoreMatched,
  tallyText,
  textTable,
  unitOf,
} from "../eval/index.js";
import { addJudgeOptions, type JudgeFlags, judgeFrom } from "./judge-options.js";
import { columnsOf, wrapText } from "./wrap-text.js";

interface ScoreFlags extends JudgeFlags {
  readonly truth: string;
  readonly data?: string;
  readonly rule?: string;
  readonly partial?: true;
  readonly json?: true;
}

/** One series of answers with its figures: the benchmark's, and those of what the answers are like. */
interface ScoredSeries {
  readonly series: string | null;
  readonly score: BenchmarkScore;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly intervals: Readonly<Record<string, Interval | null>>;
}

/** `groundsight score`: rescoring of answers made by anyone. */
export function scoreCommand(): Command {
  const command = new Command("score")
    .description("Score answers made by anyone, by the benchmark authors' rules.")
    .argument("<benchmark>", BENCHMARKS.map(({ name }) => name).join(", "))
    .argument("<answers>", "JSONL or JSON array (MME: tab-separated)")
    .requiredOption("--truth <file>", "questions and truth in the published format")
    .option("--data <file>", "questions, where the format keeps them apart from the truth")
    .option("--rule <name>", "a scoring rule; the authors' one by default")
    .option("--partial", "score the questions that have an answer, instead of refusing")
    .option("--json", "print JSON");
  return addJudgeOptions(command).addHelpText("after", help).action(run);
}

const help = `
Rules:
${BENCHMARKS.map(({ name, rules }) => `  ${name}: ${rules.join(", ")}`).join("\n")}

Examples:
  $ groundsight score pope answers.jsonl --truth coco_pope_random.json --rule pope --json
  $ groundsight score chair captions.jsonl --truth objects_by_image.json --json`;

async function run(name: string, answersPath: string, flags: ScoreFlags): Promise<void> {
  const benchmark = benchmarkNamed(name);
  const truth = await readDataFile(flags.truth);
  const data = flags.data === undefined ? null : await readDataFile(flags.data);
  const questions = benchmark.load({ data, truth });
  const answers = readAnswersTo(benchmark, questions, await readDataFile(answersPath));
  const rule = flags.rule ?? benchmark.rules[0];
  requireRule(benchmark, rule);
  const judge = judgeFrom(flags, `${answersPath}.verdicts.jsonl`);
  const all: ScoredSeries[] = [];
  for (const [series, rows] of answersBySeries(answers)) {
    const matched = matchAnswers(benchmark, questions, rows, flags.partial === true);
    const { answered, tally } = await judgeMatched(benchmark, rule, matched, judge);
    if (tally !== null) {
      const text = wrapText(`verdicts: ${tallyText(tally)}`, "  ", columnsOf(process.stderr));
      process.stderr.write(`${text}\n`);
    }
    const score = scoreMatched(benchmark, answered, rule);
    all.push({ series, score, ...figuresOf(benchmark, score) });
  }
  const write = flags.json === true ? asJson : asText;
  process.stdout.write(`${write(benchmark, all)}\n`);
}

/** What anyone's answers are like; how they ended is not in their files. */
function furtherOf(benchmark: Benchmark): Metric[] {
  return furtherMetrics(benchmark).filter(({ name }) => name !== "hit_limit");
}

function figuresOf(
  benchmark: Benchmark,
  { metrics, clusters, behaviour }: BenchmarkScore,
): Pick<ScoredSeries, "metrics" | "intervals"> {
  const further = furtherOf(benchmark);
  const likes = [...behaviour.values()];
  return {
    metrics: { ...metrics, ...metricValues({ metrics: further }, addCounts(likes)) },
    intervals: {
      ...metricIntervals([...clusters.values()], benchmark.metrics),
      ...metricIntervals(likes, further),
    },
  };
}

/** One object, or an array of them where the file holds several series. */
function asJson(benchmark: Benchmark, all: readonly ScoredSeries[]): string {
  const objects = all.map(({ series, score, metrics, intervals }) => ({
    ...Object.fromEntries(Object.entries(metrics).map(([key, { value }]) => [key, value])),
    n: score.n,
    unparsed: score.unparsed,
    benchmark: benchmark.name,
    rule: score.rule,
    ...(series === null ? {} : { series }),
    counts: score.counts,
    intervals,
    undefined: Object.fromEntries(
      Object.entries(metrics).flatMap(([key, { reason }]) =>
        reason === undefined ? [] : [[key, reason]],
      ),
    ),
  }));
  return JSON.stringify(objects.length === 1 ? objects[0] : objects, null, 2);
}

function asText(benchmark: Benchmark, all: readonly ScoredSeries[]): string {
  return all
    .map(({ series, score, metrics, intervals }) => {
      const title = [benchmark.title, series, `rule ${score.rule}`, `n = ${score.n}`];
      const rows = [...benchmark.metrics, ...furtherOf(benchmark)].map((metric) => [
        metric.title,
        formatValue(metric, metrics[metric.name]!) + unitOf(metric),
        formatInterval(metric, intervals[metric.name]),
      ]);
      const warning = fewImagesWarning(score.clusters.size);
      const table = textTable([["", "value", "95% interval"], ...rows], process.stdout.columns);
      return [
        wrapText(title.filter(Boolean).join(", "), "  "),
        table,
        `unparsed answers: ${score.unparsed}`,
        ...(warning === null ? [] : [wrapText(warning, "  ")]),
      ].join("\n");
    })
    .join("\n\n");
}
