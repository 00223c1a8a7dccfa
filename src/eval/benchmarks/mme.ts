import { z } from "zod";
import { DatasetError } from "../../errors.js";
import { groupBy } from "../../math/group-by.js";
import type {
  Benchmark,
  BenchmarkFiles,
  Counts,
  DataFile,
  Metric,
  Question,
  Score,
} from "../contract/benchmark.js";
import { type Fault, withoutFaults } from "../data/parse-rows.js";
import { categoryOf, isTabSeparated, readTabs } from "../data/read-answers.js";
import { partsOf } from "../data/read-data-file.js";
import { questionFile } from "../data/read-questions.js";
import { identifier, readShapedFile, refuseDuplicates, yesNoLabel } from "../data/read-shaped.js";
import { shownValue } from "../data/shown-value.js";
import { count, ratio } from "../metrics/ratio.js";
import { cellOf } from "../rules/yes-no.js";

/** The four categories that are about hallucination. */
const HALLUCINATION = ["existence", "count", "position", "color"] as const;
const FINE_GRAINED = ["posters", "celebrity", "scene", "landmark", "artwork"] as const;
const PERCEPTION = [...HALLUCINATION, ...FINE_GRAINED, "OCR"] as const;
const COGNITION = [
  "commonsense_reasoning",
  "numerical_calculation",
  "text_translation",
  "code_reasoning",
] as const;

const jsonRow = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  label: yesNoLabel,
  category: z.string().min(1),
});

interface MmeRow {
  readonly id: string;
  readonly image: string;
  readonly question: string;
  readonly label: "yes" | "no";
  readonly category: string;
  readonly where: string;
}

const accuracy = (c: Counts, prefix = "") =>
  ratio(count(c, `${prefix}correct`), count(c, `${prefix}asked`), "no question", 100);
const accuracyPlus = (c: Counts, prefix = "") =>
  ratio(count(c, `${prefix}imagesCorrect`), count(c, `${prefix}images`), "no image", 100);

/** Accuracy + accuracy+, at most 200 for a category. */
function score(c: Counts, prefix: string): number | null {
  const [single, both] = [accuracy(c, prefix).value, accuracyPlus(c, prefix).value];
  return single === null || both === null ? null : single + both;
}

function sumScore(name: string, title: string, categories: readonly string[]): Metric {
  return {
    name,
    title,
    unit: "points",
    better: "higher",
    of: (c) => sumOfScores(c, categories),
    stratum: categoryOfImage,
  };
}

function categoryScore(category: string): Metric {
  return {
    name: `${category}_score`,
    title: `${category} score`,
    unit: "points",
    better: "higher",
    of: (c) => {
      const value = score(c, `${category}.`);
      return value === null ? { value, reason: `no ${category} question` } : { value };
    },
    stratum: categoryOfImage,
  };
}

const metrics: readonly Metric[] = [
  {
    name: "accuracy",
    title: "Accuracy",
    unit: "percent",
    better: "higher",
    of: (c) => accuracy(c),
  },
  {
    name: "accuracy_plus",
    title: "Accuracy+",
    unit: "percent",
    better: "higher",
    of: (c) => accuracyPlus(c),
  },
  {
    name: "score",
    title: "Score (sum over categories)",
    unit: "points",
    better: "higher",
    of: (c) => sumOfScores(c, categoriesOf(c)),
    stratum: categoryOfImage,
  },
  sumScore("perception_score", "Perception score", PERCEPTION),
  sumScore("cognition_score", "Cognition score", COGNITION),
  sumScore("hallucination_score", "Hallucination score", HALLUCINATION),
  ...HALLUCINATION.map(categoryScore),
];

/**
 * MME: each image has a question with the answer yes and one with no. Accuracy counts questions,
 * accuracy+ images with both right; a category's score is their sum. Perception sums ten categories, cognition four.
 *
 * The official tool reads an answer as yes or no when its first four characters, lower-cased, hold
 * `yes` or else `no`; anything else is `other` and wrong.
 *
 * @see Fu et al. 2023, arXiv 2306.13394; eval_tool/calculation.py
 */
export const mme: Benchmark = {
  name: "mme",
  title: "MME",
  kind: "yes-no",
  source: "Fu et al. 2023, arXiv 2306.13394; eval_tool/calculation.py",
  rules: ["mme"],
  metrics,
  primaryMetric: "accuracy",
  groupMetrics: ["accuracy", "accuracy_plus", "score"],
  answersHoldTruth: true,
  // Answers of a tab-separated file come with their category, questions of a single file without.
  questionId: (id) => id.replace(/^[^/]+\//, ""),
  abilityMetric: "score",
  maxNewTokens: 16,
  clusterCounts: (scored) => {
    const [first] = scored;
    if (first === undefined) return {};
    const allRight = scored.every(({ score: one }) => one.outcome === "right") ? 1 : 0;
    const category = first.question.group ?? "";
    return {
      images: 1,
      imagesCorrect: allRight,
      [`${category}.images`]: 1,
      [`${category}.imagesCorrect`]: allRight,
    };
  },
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const file = questionFile(files, "mme");
  const rows = partsOf(file).flatMap((part) =>
    isTabSeparated(part.text) ? tabbedRows(part, file.parts !== undefined) : jsonRows(part),
  );
  refuseDuplicates(
    rows.map((value) => ({ value, where: value.where })),
    (row) => row.id,
  );
  for (const [, pair] of groupBy(rows, (row) => `${row.category}/${row.image}`)) {
    if (pair.length !== 2) {
      throw new DatasetError(
        `${pair[0]?.where}: image ${pair[0]?.image.slice(0, 60)} has ${pair.length} questions; expected 2`,
      );
    }
  }
  return rows.map((row) => ({
    id: row.id,
    image: row.image,
    prompt: row.question,
    cluster: `${row.category}/${row.image}`,
    group: row.category,
    tag: COGNITION.some((name) => name === row.category) ? "reasoning" : "perception",
    truth: row.label,
    where: row.where,
    score: (answer) => scoreMme(answer, row.label, row.category),
  }));
}

/**
 * image, question, truth; the category is the name of the file, as in the published folders.
 *
 * @param isOneOfSeveral files of several categories have images of one name, which lie in a folder for each
 */
function tabbedRows(file: DataFile, isOneOfSeveral: boolean): MmeRow[] {
  const category = categoryOf(file.name);
  const rows = readTabs(file).map(({ fields, where }): MmeRow | Fault => {
    const [name = "", question = "", truth = ""] = fields;
    const image = isOneOfSeveral ? `${category}/${name}` : name;
    const label = yesNoLabel.safeParse(truth);
    if (!label.success || question === "") {
      const received = `received truth ${shownValue(truth)}`;
      return {
        fault: `${where}: ${received}; expected image, question and Yes or No, split by tabs`,
      };
    }
    return { id: `${image}: ${question}`, image, question, label: label.data, category, where };
  });
  return withoutFaults(rows);
}

function jsonRows(file: DataFile): MmeRow[] {
  return readShapedFile(file, { schema: jsonRow, identify: (row) => row.question_id }).map(
    ({ value, where }) => ({
      id: value.question_id,
      image: value.image,
      question: value.text,
      label: value.label,
      category: value.category,
      where,
    }),
  );
}

function scoreMme(answer: string, label: "yes" | "no", category: string): Score {
  const start = answer.trim().toLowerCase().slice(0, 4);
  const read = start.includes("yes") ? "yes" : start.includes("no") ? "no" : null;
  const right = read === label;
  const one = { asked: 1, correct: right ? 1 : 0 };
  return {
    outcome: read === null ? "unparsed" : right ? "right" : "wrong",
    extracted: read,
    explanation: read === null ? "the first four characters hold no yes or no" : `read as ${read}`,
    counts: {
      ...one,
      [`${category}.asked`]: one.asked,
      [`${category}.correct`]: one.correct,
      ...(read === null ? { unparsed: 1 } : { [cellOf(read, label)]: 1 }),
    },
  };
}

function categoriesOf(c: Counts): string[] {
  return Object.keys(c).flatMap((key) => (key.endsWith(".asked") ? key.slice(0, -6) : []));
}

/** The category of an image, by the counts of its two questions. */
function categoryOfImage(c: Counts): string {
  return categoriesOf(c)[0] ?? "";
}

function sumOfScores(c: Counts, categories: readonly string[]) {
  const scores = categories.flatMap((category) => score(c, `${category}.`) ?? []);
  if (scores.length === 0) return { value: null, reason: "none of its categories was asked" };
  return { value: scores.reduce((sum, one) => sum + one, 0) };
}
