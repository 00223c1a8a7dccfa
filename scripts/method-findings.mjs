/**
 * Writes what an evaluation of all methods found: the table and plot of docs/findings.md, and a line on each method's page
 * that has none in words. Figures come from the reports of the given runs, of which the first is about all methods.
 *
 *     npm run build && node scripts/method-findings.mjs runs/methods [runs/verify] [--sampled runs/sampled [runs/verify-sampled]]
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeWithPlots } from "../dist/diagnose/plots/write-with-plots.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const SETS = [
  { name: "captions", metric: "chair_s", title: "CHAIR_s %" },
  { name: "captions", metric: "recall", title: "recall %" },
  { name: "colours", metric: "accuracy_unusual", title: "unusual colours %", times: 100 },
  { name: "pope_adversarial", metric: "accuracy", title: "POPE adversarial %", times: 100 },
];
const START = "**Here.** With its defaults";

const one = (value) => value.toFixed(1).replace(/^-0\.0$/, "0.0");
const ends = (interval) => `${one(interval.low)} to ${one(interval.high)}`;
const signed = (value) => (Math.abs(value) < 0.05 ? "0.0" : `${value > 0 ? "+" : ""}${one(value)}`);

const folders = process.argv.slice(2);
const mark = folders.indexOf("--sampled");
const runs = (mark < 0 ? folders : folders.slice(0, mark)).map((folder) =>
  readRun(folder, "greedy"),
);
const sampled = (mark < 0 ? [] : folders.slice(mark + 1)).map((folder) =>
  readRun(folder, "sampling"),
);

/** The sets of a run, and which of its answers are told. */
function readRun(folder, decoding) {
  const { sets } = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
  return { decoding, sets: new Map(sets.map((set) => [set.name, set])) };
}

/** A method's figure in a run, with its difference from another. */
function figure({ decoding, sets }, { name, metric, times = 1 }, method, reference = "regular") {
  const set = sets.get(name);
  const found = set?.methods.find((row) => row.method === method && row.decoding === decoding);
  if (found?.figures[metric] === undefined) return null;
  const against = set.comparisons.find(
    (row) =>
      row.method === method &&
      row.reference === reference &&
      row.metric === metric &&
      row.decoding === decoding,
  );
  const { value, interval } = found.figures[metric];
  const scaled = (ends) => ends && { low: times * ends.low, high: times * ends.high };
  return {
    value: value.value === undefined || value.value === null ? null : times * value.value,
    interval: scaled(interval),
    against: against && {
      ...against,
      difference: times * against.difference,
      interval: scaled(against.interval),
    },
    n: found.n,
  };
}

function cell(found) {
  if (found === null || found.value === null) return "";
  const { value, interval, against } = found;
  if (against === undefined) return `${one(value)} (${ends(interval)})`;
  const text = `${one(value)} (${signed(against.difference)}, ${ends(against.interval)})`;
  return against.shown ? `**${text}**` : text;
}

/** A difference from the control alone. */
function controlCell(found) {
  const against = found?.against;
  if (against === undefined) return "";
  const text = `${signed(against.difference)} (${ends(against.interval)})`;
  return against.shown ? `**${text}**` : text;
}

const methodsOf = ({ sets }) => [
  ...new Set([...sets.values()].flatMap(({ methods }) => methods.map(({ method }) => method))),
];

function table(run) {
  const shown = SETS.filter(({ name }) => run.sets.has(name));
  const controlled = run.decoding === "sampling" && methodsOf(run).includes("apc");
  const rows = methodsOf(run).map((method) =>
    [
      `\`${method}\``,
      ...shown.map((set) => cell(figure(run, set, method))),
      ...(controlled ? [controlCell(figure(run, SETS[0], method, "apc"))] : []),
    ].join(" | "),
  );
  const heads = [
    "method",
    ...shown.map(({ title }) => title),
    ...(controlled ? ["CHAIR_s against `apc`"] : []),
  ];
  return [`| ${heads.join(" | ")} |`, `|${" --- |".repeat(heads.length)}`]
    .concat(rows.map((row) => `| ${row} |`))
    .join("\n");
}

function between(text, name, content) {
  const [start, end] = [`<!-- figures: ${name} -->`, "<!-- end of figures -->"];
  const from = text.indexOf(start);
  if (from < 0) throw new Error(`docs/findings.md has no ${start}`);
  const to = text.indexOf(end, from);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}

function line(run, method) {
  const parts = SETS.flatMap((set) => {
    const found = figure(run, set, method);
    if (found === null || found.value === null) return [];
    const { value, against } = found;
    const difference =
      against === undefined ? "" : ` (${signed(against.difference)}, ${ends(against.interval)})`;
    return [`${set.title.replace(" %", "")} ${one(value)}%${difference}`];
  });
  const captions = figure(run, SETS[0], method);
  return `${START}, greedily, on ${captions?.n} captions of pocket's test part, against \`regular\`: ${parts.join("; ")} ([findings](../findings.md#all-methods-side-by-side)).`;
}

const findings = join(root, "docs", "findings.md");
let text = readFileSync(findings, "utf8");
sampled.forEach((run, i) => {
  text = between(
    text,
    i === 0 ? "all methods sampled" : `all methods sampled ${i + 1}`,
    table(run),
  );
});
runs.forEach((run, i) => {
  text = between(text, i === 0 ? "all methods" : `all methods ${i + 1}`, table(run));
  for (const method of methodsOf(run)) {
    const page = join(root, "docs", "methods", `${method}.md`);
    if (!existsSync(page)) continue;
    const own = readFileSync(page, "utf8");
    const paragraphs = own.trimEnd().split("\n\n");
    const has = paragraphs.findIndex((paragraph) => paragraph.startsWith("**Here.**"));
    if (has >= 0 && !paragraphs[has].startsWith(START)) continue;
    if (has >= 0) paragraphs[has] = line(run, method);
    else paragraphs.push(line(run, method));
    writeFileSync(page, `${paragraphs.join("\n\n")}\n`);
  }
});
writeFileSync(findings, text);

const LABELS = {
  greedy: ["greedy", "self-verification, a run of its own"],
  sampling: ["sampled, three seeds", "self-verification, sampled"],
};
const series = [...runs, ...sampled].map((run, i) => ({
  label: LABELS[run.decoding][run.decoding === "greedy" ? i : i - runs.length],
  points: methodsOf(run).flatMap((method) => {
    const { against, n } = figure(run, SETS[0], method) ?? {};
    if (against === undefined) return [];
    const { difference: value, interval } = against;
    return [{ x: method, value, low: interval.low, high: interval.high, n }];
  }),
}));
await writeWithPlots(join(root, "docs", "findings"), "methods", {}, [
  {
    name: "methods",
    title: "CHAIR_s against regular, points (lower is better)",
    mark: "rows",
    x: { label: "method" },
    y: { label: "points" },
    series,
  },
]);
