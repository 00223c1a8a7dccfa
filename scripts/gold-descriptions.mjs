// Descriptions apart from grounding, own descriptions apart from true ones: what each costs and brings on the pocket
// model's test questions that have a true description. Greedy, float32.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  benchmarkNamed,
  compareMethods,
  formatInterval,
  formatValue,
  metricIntervals,
  readDataFile,
  scoreAnswers,
} from "../dist/eval/index.js";
import { described, load, regular, vdgd } from "../dist/index.js";

/** By title: the method, given a true description or none. */
const WAYS = {
  "description in the prompt only": described,
  "VDGD (min)": vdgd,
  "VDGD, reduce=avg": (options) => vdgd({ ...options, reduce: "avg" }),
  "VDGD, score=official": (options) => vdgd({ ...options, score: "official" }),
};
const SETS = [
  {
    title: "direct reasoning",
    file: "direct.jsonl",
    benchmark: "rubric",
    metric: "accuracy",
    isCounted: () => true,
  },
  {
    title: "unusual colours",
    file: "colours.jsonl",
    benchmark: "colours",
    metric: "accuracy_unusual",
    isCounted: ({ group }) => group === "unusual colour",
  },
];

/** True descriptions by image, of the sets that hold them. */
function trueDescriptions(folder) {
  const rows = ["direct.jsonl", "reading.jsonl"].flatMap((file) =>
    readFileSync(join(folder, file), "utf8").trim().split("\n").map(JSON.parse),
  );
  return new Map(rows.map(({ image, description }) => [image, description]));
}

/**
 * Rows of a table: each way with the model's own and with the true description, and its difference from regular.
 *
 * @param folder the benchmark's split, with its images
 */
export async function goldDescriptions(folder) {
  const truths = trueDescriptions(folder);
  const model = await load("pocket");
  const columns = [];
  for (const set of SETS) columns.push(await column(model, folder, truths, set));
  await model.dispose();
  const titles = columns[0].rows.map(({ title }) => title);
  const heads = columns.flatMap(({ title, n }) => [
    `${title} %, n = ${n}`,
    "against regular, points",
  ]);
  return [
    ["", ...heads],
    ["", ...heads].map(() => "---"),
    ...titles.map((title, i) => [title, ...columns.flatMap(({ rows }) => rows[i].cells)]),
  ];
}

async function column(model, folder, truths, set) {
  const { title, file, metric: wanted, isCounted } = set;
  const benchmark = benchmarkNamed(set.benchmark);
  const data = await readDataFile(join(folder, file));
  const all = benchmark.load({ data, truth: null });
  const questions = all.filter(({ image }) => truths.has(image));
  const metric = benchmark.metrics.find(({ name }) => name === wanted);
  const asked = [["regular", () => regular()]];
  for (const [way, method] of Object.entries(WAYS)) {
    asked.push([`own, ${way}`, () => method({})]);
    asked.push([`true, ${way}`, ({ image }) => method({ description: truths.get(image) })]);
  }
  const results = [];
  for (const [way, methodOf] of asked) {
    const answers = await model.generateBatch(
      questions.map((question) => ({
        image: join(folder, "images", question.image),
        prompt: question.prompt,
        method: methodOf(question),
        maxTokens: 24,
      })),
      { maxStreams: 16 },
    );
    const rows = answers.map(({ text }, i) => {
      const { id, where } = questions[i];
      return { id, text, verdict: null, series: null, where };
    });
    const score = scoreAnswers(benchmark, questions, rows);
    results.push({ method: way, clusters: score.clusters, right: null, score });
    process.stderr.write(`${title}: ${way}\n`);
  }
  const [reference, ...others] = results;
  const comparisons = compareMethods(others, reference, metric);
  const rows = results.map((result) => {
    const interval = metricIntervals([...result.clusters.values()], [metric])[wanted];
    const value = formatValue(metric, result.score.metrics[wanted]);
    const comparison = comparisons.find(({ method }) => method === result.method);
    return {
      title: result.method,
      cells: [`${value} (${formatInterval(metric, interval)})`, pointsText(comparison)],
    };
  });
  return { title, n: questions.filter(isCounted).length, rows };
}

/** A comparison as "+1.2 (0.3 to 2.1), p = 0.010", in bold where it is shown. scale: 100 for shares. */
export function pointsText(comparison, scale = 100) {
  if (comparison === undefined) return "";
  const { difference, interval, adjustedPValue, shown } = comparison;
  const [d, low, high] = [difference, interval?.low ?? 0, interval?.high ?? 0].map((v) =>
    (scale * v).toFixed(1),
  );
  const p = adjustedPValue < 0.001 ? "p < 0.001" : `p = ${adjustedPValue.toFixed(3)}`;
  const text = `${d > 0 ? "+" : ""}${d} (${low} to ${high}), ${p}`;
  return shown ? `**${text}**` : text;
}
