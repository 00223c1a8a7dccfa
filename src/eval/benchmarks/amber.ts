import { z } from "zod";
import { DatasetError } from "../../errors.js";
import { firstWordRule } from "../../objects/yes-no-answer.js";
import type {
  Benchmark,
  BenchmarkFiles,
  DataFile,
  Question,
  Score,
} from "../contract/benchmark.js";
import { rowsOf } from "../data/parse-rows.js";
import { partsOf } from "../data/read-data-file.js";
import { identifier, readShapedFile, yesNoLabel } from "../data/read-shaped.js";
import {
  amberDiscriminativeMetrics,
  amberGenerativeMetrics,
  amberScore,
} from "../metrics/amber-metrics.js";
import { equalWords, matchAmberCaption, similarWords } from "../rules/amber-caption.js";
import { nounsOf } from "../rules/amber-nouns.js";
import { cellOf } from "../rules/yes-no.js";

const generativeRow = z.object({
  id: identifier,
  type: z.literal("generative"),
  truth: z.array(z.string()),
  hallu: z.array(z.string()),
});
const discriminativeRow = z.object({ id: identifier, type: z.string(), truth: yesNoLabel });
const annotation = z.union([generativeRow, discriminativeRow]);
const query = z.object({ id: identifier, image: z.string().min(1), query: z.string().min(1) });
/** The pocket sets: one JSONL file with question and label. */
const labelled = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  label: yesNoLabel,
  type: z.string(),
});

const source = "Wang et al. 2023, arXiv 2311.07397; junyangwang0410/AMBER inference.py";

/** AMBER's captions: CHAIR, Cover, Hal, Cog. */
export const amberGenerative: Benchmark = {
  source,
  name: "amber-generative",
  title: "AMBER generative",
  kind: "caption",
  rules: ["similar", "exact", "official"],
  metrics: amberGenerativeMetrics,
  primaryMetric: "chair",
  tradeOff: { recall: "cover", hallucination: "chair" },
  maxNewTokens: 256,
  load: (files) => load(files).filter(({ group }) => group === "generative"),
};

/** AMBER's yes/no questions on existence, attributes and relations. */
export const amberDiscriminative: Benchmark = {
  source,
  name: "amber-discriminative",
  title: "AMBER discriminative",
  kind: "yes-no",
  rules: ["exact", "first-word", "official"],
  metrics: amberDiscriminativeMetrics,
  primaryMetric: "f1",
  maxNewTokens: 16,
  load: (files) => load(files).filter(({ group }) => group !== "generative"),
};

/** Both tasks and the AMBER score, from one answer file. */
export const amber: Benchmark = {
  source,
  name: "amber",
  title: "AMBER",
  rules: ["similar", "exact", "official"],
  metrics: [amberScore, ...amberGenerativeMetrics, ...amberDiscriminativeMetrics],
  primaryMetric: "amber_score",
  maxNewTokens: 256,
  load,
};

function load({ data, truth }: BenchmarkFiles): Question[] {
  if (truth === null) return loadLabelled(data);
  const parsed = partsOf(truth).flatMap(rowsOf);
  const labelledRows = parsed.every((row) => "fault" in row || hasLabel(row.value));
  if (data === null && labelledRows) return loadLabelled(truth);
  const rows = readShapedFile(truth, { schema: annotation, identify: (row) => row.id });
  const queries = readQueries(data);
  const asked = rows.filter(({ value }) => queries === null || queries.has(value.id));
  return asked.map(({ value, where }) => {
    const found = queries?.get(value.id);
    const place = {
      id: value.id,
      image: found?.image ?? null,
      prompt: found?.query ?? "Describe this image.",
      cluster: found?.image ?? (value.type === "generative" ? `AMBER_${value.id}.jpg` : value.id),
      where,
    };
    if ("hallu" in value) {
      const { truth: objects, hallu } = value;
      return {
        ...place,
        group: "generative",
        truth: objects.join(", "),
        score: (answer, { rule }) => scoreGenerative(answer, objects, hallu, rule),
      };
    }
    return discriminativeQuestion(place, dimensionOf(value.type), value.truth);
  });
}

function hasLabel(value: unknown): boolean {
  return typeof value === "object" && value !== null && "label" in value;
}

function readQueries(data: DataFile | null): Map<string, z.infer<typeof query>> | null {
  if (data === null) return null;
  const rows = readShapedFile(data, { schema: query, identify: (row) => row.id });
  return new Map(rows.map(({ value }) => [value.id, value]));
}

function loadLabelled(data: DataFile | null): Question[] {
  if (data === null) throw new DatasetError("amber: no truth file; give annotations.json");
  const rows = readShapedFile(data, { schema: labelled, identify: (row) => row.question_id });
  return rows.map(({ value, where }) =>
    discriminativeQuestion(
      {
        id: value.question_id,
        image: value.image,
        prompt: value.text,
        cluster: value.image,
        where,
      },
      dimensionOf(value.type),
      value.label,
    ),
  );
}

/** AMBER's dimension of an annotation type: what is no existence and no attribute is a relation. */
function dimensionOf(type: string): string {
  if (type.includes("attribute")) return "attribute";
  return type.includes("hallucination") || type === "existence" ? "existence" : "relation";
}

function discriminativeQuestion(
  place: Omit<Question, "group" | "truth" | "score">,
  dimension: string,
  label: "yes" | "no",
): Question {
  return {
    ...place,
    group: dimension,
    truth: label,
    score: (answer, { rule }) => scoreDiscriminative(answer, label, dimension, rule),
  };
}

/** Counts of one caption. The `exact` rule compares words alone, without word vectors. */
function scoreGenerative(
  answer: string,
  truth: readonly string[],
  likely: readonly string[],
  rule: string,
): Score {
  const same = rule === "exact" ? equalWords : similarWords;
  const found = matchAmberCaption(nounsOf(answer), truth, likely, same);
  const invented = found.hallucinated.length > 0;
  const empty = answer.trim() === "";
  return {
    outcome: empty ? "unparsed" : invented ? "wrong" : "right",
    extracted: found.nouns.join(", ") || null,
    explanation: invented
      ? `not in the image: ${found.hallucinated.join(", ")}`
      : "nothing invented",
    counts: {
      captions: 1,
      mentions: found.nouns.length,
      hallucinated: found.hallucinated.length,
      hallucinatedCaptions: invented ? 1 : 0,
      covered: found.covered,
      present: truth.length,
      cognitive: found.cognitive,
      likely: likely.length,
      ...(empty ? { unparsed: 1 } : {}),
      ...(rule === "official" ? { officialRounding: 1 } : {}),
    },
  };
}

/** AMBER takes exactly `Yes` or `No`; anything else is wrong and neither. */
function scoreDiscriminative(
  answer: string,
  label: "yes" | "no",
  dimension: string,
  rule: string,
): Score {
  const exact = answer === "Yes" ? "yes" : answer === "No" ? "no" : "unparsed";
  const read = rule === "first-word" ? firstWordRule(answer) : exact;
  const right = read === label;
  const one: Record<string, number> = { asked: 1 };
  if (right) one.correct = 1;
  if (label === "no") one.noAsked = 1;
  if (label === "no" && right) one.noRight = 1;
  if (read === "no") one.saidNo = 1;
  if (read === "no" && right) one.saidNoRight = 1;
  const byDimension = Object.entries(one).map(([key, value]) => [`${dimension}.${key}`, value]);
  return {
    outcome: read === "unparsed" ? "unparsed" : right ? "right" : "wrong",
    extracted: read === "unparsed" ? null : read,
    explanation: read === "unparsed" ? "neither Yes nor No" : `read as ${read}`,
    counts: {
      ...one,
      ...Object.fromEntries(byDimension),
      ...(read === "unparsed" ? { unparsed: 1 } : { [cellOf(read, label)]: 1 }),
      ...(rule === "official" ? { officialRounding: 1 } : {}),
    },
  };
}
