// Makes again what README and docs say of the pocket model: runs, tables, report, demonstration and its picture. Runs go
// on where they were stopped. What is written in words beside the tables is read again by hand.
//
//   npm run pocket:figures [-- --out runs/figures] [--only methods,tuned,vti,descriptions,gold,demo]
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { formatInterval, formatValue } from "../dist/eval/index.js";
import { decodeDirections, encodeDirections, SeededRandom } from "../dist/index.js";
import { goldDescriptions, pointsText } from "./gold-descriptions.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const PARTS = {
  methods: measureMethods,
  tuned: measureTuned,
  vti: measureVti,
  descriptions: measureDescriptions,
  gold: measureGold,
  demo: chooseDemo,
};
const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/figures" },
    only: { type: "string", default: Object.keys(PARTS).join() },
  },
});
const out = (...path) => join(values.out, ...path);
const bench = (...path) => join(root, "pocket", "bench", ...path);
const TEST_IMAGES = ["--images", bench("test", "images")];

function node(...args) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) process.exit(status ?? 1);
}
const groundsight = (...args) => node(join(root, "dist", "cli", "main.js"), ...args);

/** A run's report. Times are put aside: they belong to the machine that measured, and to what else it did. */
function evaluated(name, ...args) {
  const folder = out(name);
  groundsight("eval", ...args, "--batch", "16", "--out", folder);
  if (existsSync(join(folder, "timings.jsonl"))) {
    renameSync(join(folder, "timings.jsonl"), join(folder, "times-put-aside.jsonl"));
    groundsight("eval", ...args, "--batch", "16", "--out", folder);
  }
  return JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
}

/** Value and interval of a method's figure on a set, in percent. */
function cell({ sets }, setName, method, metricName, decoding = "greedy") {
  const set = sets.find(({ name }) => name === setName);
  const { figures } = set.methods.find((one) => one.method === method && one.decoding === decoding);
  const { value, interval } = figures[metricName];
  const metric = set.metrics.find(({ name }) => name === metricName);
  return `${formatValue(metric, value)} (${formatInterval(metric, interval)})`;
}

/** A method's difference from regular on a set, in points, with Holm's p. */
function difference({ sets }, setName, method) {
  const set = sets.find(({ name }) => name === setName);
  const one = set.comparisons.find((c) => c.method === method && c.reference === "regular");
  return pointsText(one, set.primaryMetric.unit === "share" ? 100 : 1);
}

/** Replaces what stands between two marks in a guide. */
function write(guide, mark, rows) {
  const path = join(root, guide);
  const text = readFileSync(path, "utf8");
  const [begin, end] = [`<!-- figures: ${mark} -->\n`, `<!-- end of figures -->`];
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end, from);
  if (from < begin.length || to < 0)
    throw new Error(`${guide}: no place for the figures '${mark}'`);
  const table = rows.map((row) => `| ${row.join(" | ")} |\n`).join("");
  writeFileSync(path, text.slice(0, from) + table + text.slice(to));
}
const header = (...titles) => [titles, titles.map(() => "---")];

/** Directions fitted on the dev demonstrations, and Gaussian numbers of the same shape. */
function directions() {
  const [fitted, random] = [out("directions.safetensors"), out("random.safetensors")];
  if (!existsSync(fitted)) {
    groundsight(
      ...["steer", "fit", "--images", bench("dev", "images"), "--out", fitted],
      ...["--demos", bench("dev", "demonstrations.jsonl")],
      ...["--controls", bench("dev", "demonstration_controls.jsonl")],
    );
  }
  if (!existsSync(random)) {
    const { image, text, ...rest } = decodeDirections(readFileSync(fitted));
    const drawn = (part, stream) => ({
      ...part,
      data: new SeededRandom(0, stream).gaussians(part.data.length),
    });
    const made = { ...rest, facts: {}, image: drawn(image, "image"), text: drawn(text, "text") };
    writeFileSync(random, encodeDirections(made));
  }
  return { fitted, random };
}

const COLUMNS = [
  ["POPE random", "pope_random", "accuracy"],
  ["popular", "pope_popular", "accuracy"],
  ["adversarial", "pope_adversarial", "accuracy"],
  ["CHAIR_s (lower is better)", "captions", "chair_s"],
  ["object recall", "captions", "recall"],
  ["unusual colours", "colours", "accuracy_unusual"],
];
const cells = (report, method, decoding) =>
  COLUMNS.map(([, set, metric]) => cell(report, set, method, metric, decoding));

const METHODS = ["regular", "apc", "vcd", "vti", "described", "vdgd"];

/** README's tables and the whole report: five sets, greedily (three draws of noise) and under three seeds. */
function measureMethods() {
  evaluated(
    ...["methods", "pocket", "--methods", METHODS.join(), "--greedy", "--seeds", "3"],
    ...["--steer", directions().fitted],
  );
  writeMethods();
  copyFileSync(out("methods", "report.md"), join(root, "docs", "pocket", "report.md"));
  drawReport(out("methods", "report.html"));
}

/** The variant tuned against hallucination: the other family of remedies, in the same tables. */
function measureTuned() {
  evaluated(
    ...["tuned", "pocket", "--model", "pocket-tuned", "--methods", "regular,apc"],
    ...["--greedy", "--seeds", "3"],
  );
  writeMethods();
}

/** README's tables from those runs of the two that are there. */
function writeMethods() {
  const [methods, tuned] = ["methods", "tuned"].map((name) => {
    const path = out(name, "report.json");
    return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
  });
  if (methods === undefined) return;
  for (const decoding of ["greedy", "sampling"]) {
    write("README.md", decoding, [
      ...header(decoding, ...COLUMNS.map(([title]) => title)),
      ...METHODS.map((method) => [`\`${method}\``, ...cells(methods, method, decoding)]),
      ...(tuned ? [["`pocket-tuned`, `regular`", ...cells(tuned, "regular", decoding)]] : []),
    ]);
  }
}

/** How the report looks, where there is a browser that draws it. */
function drawReport(report) {
  const picture = join(root, "docs", "pocket", "report.png");
  const size = ["--hide-scrollbars", "--window-size=1240,1700"];
  const page = pathToFileURL(resolve(report)).href;
  const args = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    ...size,
    `--screenshot=${picture}`,
    page,
  ];
  const isDrawn = ["chromium", "google-chrome"].some(
    (browser) => spawnSync(browser, args, { stdio: "ignore" }).status === 0,
  );
  if (!isDrawn)
    process.stderr.write(`${picture} is the old one: no chromium that draws the report\n`);
}

/** Steering forwards, backwards and at random, on captions. */
function measureVti() {
  const { fitted, random } = directions();
  const captions = [
    ...["chair", "--rule", "colour-aware", "--data", bench("test", "captions.jsonl")],
    ...["--truth", bench("test", "objects_by_image.json"), ...TEST_IMAGES],
    ...["--without", "apc", "--greedy"],
  ];
  const ways = {
    regular: "regular",
    averaging: "averaging (10 copies, t = 200)",
    "vti:image=0.4:text=0": "visual",
    "vti:image=0:text=0.4": "textual",
    "vti:image=0.4:text=0.4": "both",
    "vti:image=-0.4:text=0": "visual reversed",
    "vti:image=-0.4:text=-0.4": "both reversed",
  };
  const atRandom = Object.keys(ways).filter(
    (name) => name.startsWith("vti") && !name.includes("-"),
  );
  const list = (names) => ["--methods", names.join()];
  const steered = evaluated("vti", ...captions, "--steer", fitted, ...list(Object.keys(ways)));
  const drawn = evaluated(
    "random",
    ...captions,
    "--steer",
    random,
    ...list(["regular", ...atRandom]),
  );
  const row = (report, name, title) => [
    title,
    ...["chair_s", "chair_i", "recall"].map((metric) => cell(report, "captions", name, metric)),
    difference(report, "captions", name),
  ];
  write("docs/steering.md", "vti", [
    ...header("", "CHAIR_s %", "CHAIR_i %", "recall %", "CHAIR_s against regular, points"),
    ...Object.entries(ways).map(([name, title]) => row(steered, name, title)),
    ...atRandom.map((name) => row(drawn, name, `random directions, ${ways[name]}`)),
  ]);
}

/** Descriptions before and behind the image, with and without VDGD. */
function measureDescriptions() {
  const ways = {
    regular: "regular",
    described: "description in the prompt only",
    vdgd: "VDGD",
    "described:order=after-image": "description behind the image only",
    "vdgd:order=after-image": "VDGD, description behind the image",
  };
  const ask = (benchmark, name) =>
    evaluated(
      ...[name, benchmark, "--data", bench("test", `${name}.jsonl`), ...TEST_IMAGES, "--greedy"],
      ...["--methods", Object.keys(ways).join(), "--without", "apc"],
    );
  const colours = ask("colours", "colours");
  const [reasoning, direct] = [ask("rubric", "reasoning"), ask("rubric", "direct")];
  write("docs/steering.md", "descriptions", [
    ...header(
      "",
      "unusual colours %",
      "usual colours %",
      "reasoning %",
      "direct reasoning %",
      "direct reasoning against regular, points",
    ),
    ...Object.entries(ways).map(([name, title]) => [
      title,
      cell(colours, "colours", name, "accuracy_unusual"),
      cell(colours, "colours", name, "accuracy_usual"),
      cell(reasoning, "reasoning", name, "accuracy"),
      cell(direct, "direct", name, "accuracy"),
      difference(direct, "direct", name),
    ]),
  ]);
}

/** Own and true descriptions, in the prompt and in the scores. */
async function measureGold() {
  write("docs/steering.md", "gold", await goldDescriptions(bench("test")));
}

function chooseDemo() {
  node(join(root, "scripts", "choose-demo.mjs"));
  node(join(root, "scripts", "terminal-picture.mjs"), join("docs", "demo.svg"), "demo");
}

mkdirSync(values.out, { recursive: true });
for (const name of values.only.split(",")) {
  if (!Object.hasOwn(PARTS, name)) {
    process.stderr.write(`only: received ${name}; expected some of ${Object.keys(PARTS)}\n`);
    process.exit(2);
  }
}
for (const name of values.only.split(",")) {
  process.stderr.write(`figures: ${name}\n`);
  await PARTS[name]();
}
