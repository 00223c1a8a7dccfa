import { z } from "zod";
import type { Benchmark, BenchmarkFiles, Metric, Question, Score } from "../contract/benchmark.js";
import { questionFile } from "../data/read-questions.js";
import { readShapedFile } from "../data/read-shaped.js";
import { ratioMetric } from "../metrics/ratio-metric.js";
import { mmhalTask, quotedAnswer } from "../rules/judge-tasks.js";

const row = z.object({
  question_type: z.string().optional(),
  image_id: z.string().optional(),
  image_src: z.string().optional(),
  image_content: z.array(z.string()).optional(),
  question: z.string().min(1),
  gt_answer: z.string().min(1),
});

const metrics: readonly Metric[] = [
  ratioMetric({
    name: "average_score",
    title: "Average score",
    unit: "points",
    better: "higher",
    part: "score",
    whole: "rated",
    undefinedReason: "no answer was rated",
  }),
  ratioMetric({
    name: "hallucination_rate",
    title: "Hallucination rate",
    unit: "share",
    better: "lower",
    part: "hallucinated",
    whole: "rated",
    undefinedReason: "no answer was rated",
  }),
];

/**
 * MMHal-Bench: 96 open questions of 8 types, each rated 0 to 6 by a judge; an answer below 3
 * hallucinates. The authors' script takes the one number in `rating: s`; none, or more than one, is 0.
 * The rule `rated-only` leaves such answers out instead.
 *
 * @see Sun et al. 2023, arXiv 2309.14525; eval_gpt4.py
 */
export const mmhal: Benchmark = {
  name: "mmhal",
  title: "MMHal-Bench",
  source: "Sun et al. 2023, arXiv 2309.14525; eval_gpt4.py",
  rules: ["mmhal", "rated-only"],
  judgedRules: ["mmhal", "rated-only"],
  metrics,
  primaryMetric: "average_score",
  maxNewTokens: 256,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const file = questionFile(files, "mmhal");
  const rows = readShapedFile(file, { schema: row });
  const images = new Set(rows.map(({ value }) => value.image_id));
  const byImage = !images.has(undefined) && images.size === rows.length;
  return rows.map(({ value, where }, index) => {
    const image = imageOf(value.image_src) ?? value.image_id ?? null;
    return {
      // As published each question has an image of its own, whose id answer files repeat.
      id: (byImage ? value.image_id : undefined) ?? String(index + 1),
      image,
      prompt: value.question,
      cluster: image ?? String(index + 1),
      group: value.question_type ?? `type ${index % 8}`,
      truth: value.gt_answer,
      where,
      judgeTask: (answer) =>
        mmhalTask({
          question: value.question,
          imageContent: value.image_content?.join(", ") ?? null,
          reference: value.gt_answer,
          answer: quotedAnswer(answer),
        }),
      score: (_answer, { rule, verdict }) => scoreVerdict(verdict, rule),
    };
  });
}

function imageOf(source: string | undefined): string | undefined {
  return source?.split(/[\\/]/).at(-1);
}

/**
 * The rating in a judge's words, or null when there is not exactly one. As in the authors' script each
 * number 0 to 6 is looked for once, so the same rating twice is one rating.
 */
export function ratingOf(verdict: string): number | null {
  const text = verdict.toLowerCase();
  const found = [0, 1, 2, 3, 4, 5, 6].filter((s) => text.includes(`rating: ${s}`));
  return found.length === 1 ? (found[0] ?? null) : null;
}

function scoreVerdict(verdict: string | null, rule: string): Score {
  if (verdict === null) {
    return {
      outcome: "unparsed",
      extracted: null,
      explanation: "no verdict: not judged, or the judge failed",
      counts: { unjudged: 1, unparsed: 1 },
    };
  }
  const rating = ratingOf(verdict);
  if (rating === null && rule === "rated-only") {
    return {
      outcome: "unparsed",
      extracted: null,
      explanation: "not exactly one rating in the verdict",
      counts: { unparsed: 1 },
    };
  }
  const score = rating ?? 0;
  return {
    outcome: rating === null ? "unparsed" : score < 3 ? "wrong" : "right",
    extracted: rating === null ? null : String(rating),
    explanation: rating === null ? "not exactly one rating; scored 0" : `rated ${rating}`,
    counts: {
      rated: 1,
      score,
      hallucinated: score < 3 ? 1 : 0,
      ...(rating === null ? { unparsed: 1 } : {}),
    },
  };
}
