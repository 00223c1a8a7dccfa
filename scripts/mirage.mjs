#!/usr/bin/env node
// Writes docs/mirage.md: what is left of published gains when public answers are scored side by side, with intervals.
//
//   node scripts/fetch-field.mjs ../field
//   npm run build && node scripts/mirage.mjs ../field > docs/mirage.md
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  addCounts,
  benchmarkNamed,
  compareMethods,
  formatInterval,
  formatValue,
  furtherMetrics,
  metricIntervals,
  readAnswers,
  readDataFile,
  scoreAnswers,
} from "groundsight/eval";
import { fieldSources } from "./fetch-field.mjs";

const KINDS = ["random", "popular", "adversarial"];
const LABELS = {
  POPE: (kind) => `pope/coco_pope_${kind}.json`,
  RePOPE: (kind) => `repope/coco_repope_${kind}.json`,
};
/** VCD's answers to POPE's popular set, with the answers that they are compared with. */
const POPE_PAIRS = [
  ["LLaVA-13B (first version), sampled", "llava-1-13b", "cs263/llava-1-13b_popular_regular.jsonl"],
  ["LLaVA-1.5-7B, sampled", "llava-1.5-7b", "cs263/llava-1.5-7b_popular_regular.jsonl"],
  ["LLaVA-1.5-7B, greedy", "llava-1.5-7b", "cd_rethink/llava-7b-coco-popular-greedy.jsonl"],
];
const CHAIR = ["chair_s", "chair_i", "recall", "chair_i_first_64_words"];
const AMBER = ["chair", "cover", "hal", "cog"];
const MME = ["hallucination", "existence", "count", "position", "color"];
const TEXT = ["mean_words", "repeating_answers"];
const CELLS = ["tp", "fn", "fp", "tn"];
const TRANSITIONS = ["FN → TP", "TP → FN", "FP → TN", "TN → FP"];
/** What `fetch-field` brings and this page does not use. */
const UNUSED = /haloquest|VDGD|middle_layers/;

/** The page, from a folder that `fetch-field` filled. */
export async function mirage(folder) {
  const read = (file) => readDataFile(join(folder, file));
  const parts = [
    introduction,
    greedyAgainstSampling,
    vcdOnPope,
    vcdOnChair,
    vcdOnAmber,
    mmeAlone,
    sources,
  ];
  const texts = [];
  for (const part of parts) texts.push(await part(read));
  return `${unwrapped(texts.join("\n\n"))}\n`;
}

function introduction() {
  return `# The mirage, from public answers

Many gains over "regular" decoding are gains over *sampling*: whoever decodes greedily has them for nothing. This page shows it
with answers that others published, scored by the authors' own rules. Nothing was run on a model for it, and no figure is copied
from a paper. It is made by \`node scripts/mirage.mjs <folder>\` from what \`node scripts/fetch-field.mjs <folder>\` fetches.

The protocol, and why it is needed: [The Mirage of Performance Gains](https://arxiv.org/abs/2504.10020), whose answers section 1
uses; [RePOPE](https://arxiv.org/abs/2504.15707), whose labels it uses. [evaluation.md](evaluation.md) says how \`groundsight eval\`
runs it.

Brackets hold 95% intervals, bootstrapped over images. Differences are paired: the same questions or images, both ways. p-values are
McNemar's (mid-p) for accuracy and the yes ratio, the paired bootstrap's else. A difference is bold where its p-value is at most 0.05
and its interval does not hold 0. Each is told alone, without correction for their number: one whose p is near 0.05 says little.`;
}

async function greedyAgainstSampling(read) {
  const sections = [];
  const moves = [];
  for (const labels of Object.keys(LABELS)) {
    const rows = [];
    for (const kind of KINDS) {
      const answers = (decoding) =>
        popeAnswers(read, kind, labels, `cd_rethink/llava-7b-coco-${kind}-${decoding}.jsonl`);
      const sampled = await answers("sample");
      const greedy = await answers("greedy");
      rows.push([
        `${kind}, ${sampled.n}`,
        withInterval(sampled, "accuracy"),
        withInterval(greedy, "accuracy"),
        ...["accuracy", "f1", "yes_ratio"].map((name) => difference(greedy, sampled, name)),
      ]);
      moves.push([`${kind}, ${labels}`, ...transitions(sampled, greedy)]);
    }
    const header = [
      "Set, questions",
      "Accuracy, sampled",
      "greedy",
      "Greedy − sampled",
      "F1",
      "Yes ratio",
    ];
    sections.push(`With the labels of ${labels}:\n\n${table(header, rows)}`);
  }
  return `## 1. POPE: greedy against sampling, no method at all

LLaVA-1.5-7B, 18,000 answers of [cd_rethink](https://github.com/ustc-hyin/cd_rethink): the same model and prompt, decoded greedily and
sampled at temperature 1.

${sections.join("\n\n")}

Greedy decoding alone is worth what methods are published for. A method that is compared with sampling, and whose plausibility cut
makes sampling nearly greedy, gets this difference whatever else it does. RePOPE's labels lift every figure, greedy and sampled alike,
and leave the difference.

Where it comes from, from sampled answers to greedy ones (yes is the positive answer):

${table(["Set", ...TRANSITIONS], moves)}

Answers turn right in both directions, from no to yes (FN → TP) and from yes to no (FP → TN): greedy decoding takes noise away. The yes
ratio moves by 1.5 points at most, and not in one direction.`;
}

async function vcdOnPope(read) {
  const rows = [];
  const moves = [];
  for (const [title, model, without] of POPE_PAIRS) {
    for (const labels of Object.keys(LABELS)) {
      const vcd = await popeAnswers(read, "popular", labels, `cs263/${model}_popular_vcd.jsonl`);
      const reference = await popeAnswers(read, "popular", labels, without, vcd.cells);
      rows.push([
        `${title}; ${labels}, ${vcd.n}`,
        withInterval(reference, "accuracy"),
        withInterval(vcd, "accuracy"),
        difference(vcd, reference, "accuracy"),
        withInterval(reference, "yes_ratio"),
        difference(vcd, reference, "yes_ratio"),
      ]);
      moves.push([`${title}; ${labels}`, ...transitions(reference, vcd)]);
    }
  }
  const alone = [];
  for (const kind of KINDS) {
    const row = [kind];
    for (const labels of Object.keys(LABELS)) {
      const vcd = await popeAnswers(read, kind, labels, `vcd-llava-1.6/pope_${kind}_vcd.jsonl`);
      row.push(withInterval(vcd, "accuracy"), withInterval(vcd, "yes_ratio"));
    }
    alone.push(row);
  }
  const header = [
    "Without VCD; labels, questions",
    "Accuracy without",
    "with VCD",
    "VCD − without",
    "Yes ratio without",
    "VCD − without",
  ];
  return `## 2. VCD on POPE

Raw answers of VCD are rare: neither its own repository nor the re-evaluations hold any. Two small projects published theirs, sampled
with the authors' code.

Popular set. [cs263-final-project](https://github.com/ruichenZz/cs263-final-project) has answers with VCD and without, of LLaVA-1.5 to
the first 500 questions. The greedy answers to the same 500 are cd_rethink's: another program, the same model.

${table(header, rows)}

${table(["From without to VCD", ...TRANSITIONS], moves)}

The 13B model says yes to nearly everything. VCD makes it say yes more often still, and the accuracy stays where it is: what turns to TP
is paid for with FP, and the sign of the difference turns with the labels. For LLaVA-1.5, VCD seems two points ahead of sampling, which
500 questions cannot show. They do show how far it is behind greedy decoding without a method.

LLaVA-1.6-mistral-7B with VCD ([TracyZhao24/VCD](https://github.com/TracyZhao24/VCD)), whose answers without VCD are not published, so
that nothing can be said about a gain:

${table(["Set", "Accuracy, POPE", "Yes ratio", "Accuracy, RePOPE", "Yes ratio"], alone)}`;
}

async function vcdOnChair(read) {
  const chair = benchmarkNamed("chair");
  const captions = async (name) => {
    const { text } = await read(`vlm-decoding-hal/${name}_chair.json`);
    return JSON.parse(text).sentences;
  };
  const asFile = (value) => ({ name: "captions", text: JSON.stringify(value) });
  const [sampled, vcd] = [await captions("regular"), await captions("vcd")];
  const objects = sampled.map((one) => [one.image_id, one.mscoco_gt_words]);
  const questions = chair.load({ data: null, truth: asFile(Object.fromEntries(objects)) });
  const greedy = await read("opera/llava-1.5_greedy.jsonl");
  const byRule = (rule, names) => {
    const [a, b, c] = [asFile(sampled), asFile(vcd), greedy].map((file) =>
      answersOf(chair, scoreAnswers(chair, questions, readAnswers(file), { rule })),
    );
    return captionTable({ Sampled: a, VCD: b, Greedy: c }, names);
  };
  return `## 3. VCD on CHAIR

LLaVA-1.5-7B, "Please describe this image in detail.", the same 500 images of COCO, at most 512 tokens: sampled with VCD and without by
one repository ([vlm-decoding-hal](https://github.com/Areebol/vlm-decoding-hal), which is built on DeCo's), greedy by another
([OPERA](https://github.com/shikiw/OPERA)). Percent; of CHAIR less is better. The objects of each image are those that the CHAIR script
wrote beside the captions.

Rule \`chair\`:

${byRule("chair", [...CHAIR, ...TEXT])}

Rule \`chair-wordnet\`:

${byRule("chair-wordnet", CHAIR)}

Against sampling VCD helps: it invents fewer objects and finds more. Against greedy decoding with no method it invents more, and finds no
more; that is so over the first 64 words too, where no caption gains by being short. Greedy captions pay with repetition: more of them
hold some four words twice.`;
}

async function vcdOnAmber(read) {
  const amber = benchmarkNamed("amber-generative");
  const truth = await read("amber/annotations.json");
  const questions = amber.load({ truth, data: await read("amber/query_generative.json") });
  const answers = async (name) => {
    const file = await read(`vcd-llava-1.6/amber_${name}.jsonl`);
    return answersOf(amber, scoreAnswers(amber, questions, readAnswers(file)));
  };
  return `## 4. VCD on AMBER

LLaVA-1.6-mistral-7B, 1,004 captions, sampled at temperature 1 ([TracyZhao24/VCD](https://github.com/TracyZhao24/VCD)). The script asks
for one word behind "Describe this image.", so that these are no usual captions.

${captionTable({ Sampled: await answers("regular"), VCD: await answers("vcd") }, [...AMBER, ...TEXT])}

A gain over sampling. No greedy captions of this model and prompt were found: how much of the gain greedy decoding has by itself is not
known.`;
}

async function mmeAlone(read) {
  const mme = benchmarkNamed("mme");
  const file = await read("llava-align/mme");
  const questions = mme.load({ data: null, truth: file });
  const regular = answersOf(mme, scoreAnswers(mme, questions, readAnswers(file)));
  const rows = MME.map((set) => [set, withInterval(regular, `${set}_score`)]);
  return `## 5. VCD on MME

No public answers of VCD to MME were found: what is published are tables. Answers without a method tell how wide the interval of one run
is. LLaVA-1.5-7B, MME's four sets about hallucination, 240 questions about 120 images
([LLaVA-Align](https://github.com/yfzhang114/LLaVA-Align), from a folder that names no method):

${table(["Set", "Score"], rows)}

Gains on these sets are published as sums over the four. One that is smaller than this interval needs the answers of both sides, and a
paired test, to be more than chance.`;
}

async function sources() {
  const used = (await fieldSources()).filter(({ repository }) => !UNUSED.test(repository));
  const rows = used.map(({ repository, commit, licence, holds }) => [
    `[${repository}](https://github.com/${repository}/tree/${commit})`,
    `\`${commit.slice(0, 12)}\``,
    licence,
    holds,
  ]);
  return `## Sources

${table(["Repository", "Commit", "Licence", "Holds"], rows)}

Searched for raw answers of VCD, and without any: DAMO-NLP-SG/VCD, yfzhang114/LLaVA-Align, BillChan226/HALC, shikiw/OPERA,
LzVv123456/VISTA, zjunlp/Deco, ustc-hyin/cd_rethink, Seren666/training-free_hallucination (tables alone), lijm48/IMCCD, Lackel/AGLA,
huofushuo/SID, sangminwoo/AvisC, 1zhou-Wang/MemVR. Files of cs263-final-project with fewer than 500 answers are left out.`;
}

/**
 * Answers of one file to one set of POPE, as far as there are both question and answer.
 *
 * @param asked the questions that count, by identifier; all where left out
 */
async function popeAnswers(read, kind, labels, file, asked = null) {
  const pope = benchmarkNamed("pope");
  const questions = pope.load({ data: null, truth: await read(LABELS[labels](kind)) });
  const all = readAnswers(await read(file));
  const answers = all.filter(({ id }) => asked === null || asked.has(id));
  return answersOf(pope, scoreAnswers(pope, questions, answers, { allowMissing: true }));
}

/** A score with what comparisons need of it. */
function answersOf(benchmark, { n, scored, clusters, behaviour }) {
  const byId = (of) => new Map(scored.map(({ question, score }) => [question.id, of(score)]));
  const cells = byId(({ counts }) => CELLS.find((cell) => counts[cell] === 1));
  const saidYes = new Map([...cells].map(([id, cell]) => [id, cell === "tp" || cell === "fp"]));
  // As the accuracy counts: the authors' rule reads a yes where it is unclear what an answer says.
  const right = byId(({ counts }) => counts.correct === 1);
  return { method: benchmark.name, benchmark, n, clusters, behaviour, cells, right, saidYes };
}

function metricOf({ benchmark }, name) {
  return [...benchmark.metrics, ...furtherMetrics(benchmark)].find((one) => one.name === name);
}

/** The counts by image that a metric is computed from: the benchmark's own, or those of what answers are like. */
function countsFor({ benchmark, clusters, behaviour }, metric) {
  if (benchmark.metrics.includes(metric)) return clusters;
  if (metric.name.includes("_first_")) return behaviour;
  // Cut captions have many counts, which whole ones need not draw.
  const isWhole = ([key]) => !key.startsWith("first");
  return new Map(
    [...behaviour].map(([image, counts]) => [
      image,
      Object.fromEntries(Object.entries(counts).filter(isWhole)),
    ]),
  );
}

/** For example `87.0 (85.8 to 88.1)`. */
function withInterval(answers, name) {
  const metric = metricOf(answers, name);
  const counts = [...countsFor(answers, metric).values()];
  const interval = metricIntervals(counts, [metric])[name];
  return `${formatValue(metric, metric.of(addCounts(counts)))} (${formatInterval(metric, interval)})`;
}

/** A difference with its interval and p-value, bold where it is one. */
function difference(method, reference, name) {
  const metric = metricOf(method, name);
  const [of, from] = [method, reference].map((one) => ({
    ...one,
    clusters: countsFor(one, metric),
  }));
  const [{ difference: points, interval, pValue, shown }] = compareMethods([of], from, metric);
  const [value, low, high] = [points, interval.low, interval.high].map((one) =>
    signed(metric.unit === "share" ? 100 * one : one),
  );
  const p = pValue < 0.001 ? "p < 0.001" : `p ${pValue.toFixed(3)}`;
  return `${shown ? `**${value}**` : value} (${low} to ${high}), ${p}`;
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

/** How many answers turned right and wrong, by what is true. */
function transitions(from, to) {
  return TRANSITIONS.map((title) => {
    const [before, after] = title.toLowerCase().split(" → ");
    return [...from.cells].filter(([id, cell]) => cell === before && to.cells.get(id) === after)
      .length;
  });
}

/** Figures of two or three ways of decoding, and the differences of VCD from the others. */
function captionTable(ways, names) {
  const { VCD, ...references } = ways;
  const header = [
    "",
    ...Object.keys(ways),
    ...Object.keys(references).map((one) => `VCD − ${one.toLowerCase()}`),
  ];
  const rows = names.map((name) => [
    metricOf(VCD, name).title,
    ...Object.values(ways).map((way) => withInterval(way, name)),
    ...Object.values(references).map((reference) => difference(VCD, reference, name)),
  ]);
  return table(header, rows);
}

function table(header, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Prose in one line a paragraph, as in the other pages; rows of tables stay as they are. */
function unwrapped(text) {
  return text.replace(/([^\n|])\n(?=[^\n|])/g, "$1 ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    console.error("usage: node scripts/mirage.mjs <folder that fetch-field filled>");
    process.exitCode = 2;
  } else process.stdout.write(await mirage(folder));
}
