import { z } from "zod";
import { DatasetError } from "../../errors.js";
import type { FindMentions } from "../../objects/caption-objects.js";
import type { Benchmark, BenchmarkFiles, Metric, Question, Score } from "../contract/benchmark.js";
import { readNamesByImage } from "../data/read-object-annotations.js";
import { identifier, readShapedFile } from "../data/read-shaped.js";
import { harmonicMean } from "../metrics/ratio.js";
import { ratioMetric } from "../metrics/ratio-metric.js";
import { wordCount } from "../rules/first-words.js";
import {
  asRead,
  CAPTION_RULES,
  type CaptionRule,
  canonicalObject,
  findMentions,
} from "../rules/object-finder.js";

const promptRow = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
});
const DEFAULT_PROMPT = "Describe the image.";

const recall = ratioMetric({
  name: "recall",
  title: "Object recall",
  unit: "percent",
  better: "higher",
  part: "found",
  whole: "present",
  undefinedReason: "the images hold no object",
});

/** Distinct objects of each caption: how many of those named are in the image. CHAIR_i counts every mention. */
const precision = ratioMetric({
  name: "precision",
  title: "Object precision",
  unit: "percent",
  better: "higher",
  part: "found",
  whole: "named",
  undefinedReason: "no object was named",
});

const metrics: readonly Metric[] = [
  ratioMetric({
    name: "chair_i",
    title: "CHAIR_i",
    unit: "percent",
    better: "lower",
    part: "hallucinated",
    whole: "mentions",
    undefinedReason: "no object was named",
  }),
  ratioMetric({
    name: "chair_s",
    title: "CHAIR_s",
    unit: "percent",
    better: "lower",
    part: "hallucinatedCaptions",
    whole: "captions",
    undefinedReason: "there is no caption",
  }),
  recall,
  precision,
  {
    name: "f1",
    title: "Object F1",
    unit: "percent",
    better: "higher",
    of: (counts) => harmonicMean(precision.of(counts), recall.of(counts)),
  },
  ratioMetric({
    name: "mean_words",
    title: "Words a caption",
    unit: "words",
    better: "neither",
    part: "words",
    whole: "captions",
    undefinedReason: "there is no caption",
  }),
];

/**
 * CHAIR: the share of named objects that are not in the image (CHAIR_i), and of captions that name at
 * least one such object (CHAIR_s).
 *
 * @see Rohrbach et al. 2018, arXiv 1809.02156
 */
export const chair: Benchmark = {
  name: "chair",
  title: "CHAIR",
  kind: "caption",
  source: "Rohrbach et al. 2018, arXiv 1809.02156; LisaAnne/Hallucination utils/chair.py",
  rules: CAPTION_RULES,
  metrics,
  primaryMetric: "chair_s",
  tradeOff: { recall: "recall", hallucination: "chair_i" },
  maxNewTokens: 128,
  truthIsSuperset: true,
  questionId: cocoImageId,
  load: loadChair,
};

function loadChair({ data, truth }: BenchmarkFiles): Question[] {
  if (truth === null) {
    throw new DatasetError(
      "chair: no truth file; give the objects of each image, for example --truth objects_by_image.json",
    );
  }
  const objects = readNamesByImage(truth);
  const find = findByRule(new Set([...objects.values()].flat()));
  if (data === null) {
    return [...objects].map(([image, names]) =>
      captionQuestion({ id: image, image, prompt: DEFAULT_PROMPT, where: truth.name }, names, find),
    );
  }
  const namesOf = (image: string) => objects.get(image) ?? objects.get(cocoImageId(image));
  const rows = readShapedFile(data, {
    schema: promptRow,
    identify: (row) => row.question_id,
    check: ({ image }) =>
      namesOf(image) === undefined ? `image ${image} is not in ${truth.name}` : null,
  });
  return rows.map(({ value, where }) => {
    const { question_id: id, image, text: prompt } = value;
    return captionQuestion({ id, image, prompt, where }, namesOf(image) ?? [], find);
  });
}

/** How a caption is read, for each rule; made when a rule is first used. */
type FindByRule = (rule: CaptionRule) => FindMentions;

function findByRule(extra: ReadonlySet<string>): FindByRule {
  const made = new Map<CaptionRule, FindMentions>();
  return (rule) => {
    const find = made.get(rule) ?? findMentions(rule, extra);
    made.set(rule, find);
    return find;
  };
}

function captionQuestion(
  asked: Pick<Question, "id" | "image" | "prompt" | "where">,
  names: readonly string[],
  find: FindByRule,
): Question {
  return {
    ...asked,
    cluster: asked.image ?? asked.id,
    group: null,
    truth: names.join(", "),
    score: (answer, context) => {
      const rule = context.rule as CaptionRule;
      return scoreCaption(asRead(rule, answer), names, find(rule));
    },
  };
}

/** Counts of one caption against the objects of its image (names or synonyms). */
export function scoreCaption(caption: string, names: readonly string[], find: FindMentions): Score {
  const present = new Set(names.map(canonicalObject));
  const mentions = find(caption);
  const hallucinated = mentions.filter(({ object }) => !present.has(object));
  const found = new Set(mentions.filter(({ object }) => present.has(object)).map((m) => m.object));
  const invented = [...new Set(hallucinated.map(({ object }) => object))];
  const empty = caption.trim() === "";
  return {
    outcome: empty ? "unparsed" : invented.length > 0 ? "wrong" : "right",
    extracted: mentions.map(({ word }) => word).join(", ") || null,
    explanation: empty
      ? "the caption is empty"
      : invented.length > 0
        ? `not in the image: ${invented.join(", ")}`
        : "every object named is in the image",
    counts: {
      captions: 1,
      mentions: mentions.length,
      hallucinated: hallucinated.length,
      hallucinatedCaptions: hallucinated.length > 0 ? 1 : 0,
      present: present.size,
      found: found.size,
      named: found.size + invented.length,
      words: wordCount(caption),
      ...(empty ? { unparsed: 1 } : {}),
      ...(invented.length === 0 ? { correct: 1 } : {}),
    },
  };
}

/** The number of a COCO image in its file name (COCO_val2014_000000310196.jpg), else the name itself. */
export function cocoImageId(image: string): string {
  return /^(?:COCO_\w+?_)?0*(\d+)\.(?:jpg|png)$/.exec(image)?.[1] ?? image;
}
