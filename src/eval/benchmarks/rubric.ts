import { z } from "zod";
import type { Benchmark, BenchmarkFiles, Question, Score } from "../contract/benchmark.js";
import { readQuestions } from "../data/read-questions.js";
import { identifier } from "../data/read-shaped.js";
import { ratioMetric } from "../metrics/ratio-metric.js";
import { rubricTask } from "../rules/judge-tasks.js";

const row = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  answer: z.string().min(1),
  rubric: z.array(z.string().min(1)),
  forbidden: z.array(z.string().min(1)).default([]),
  type: z.string().optional(),
});

const verdictShape = z.object({ score: z.number().min(1).max(5), reason: z.string().optional() });

/**
 * Open questions with a reference answer. Rule `keywords` needs no judge: an answer is right when it
 * holds every word or phrase of `rubric` and none of `forbidden`, as whole words in any case. Rule `judge` takes a grade of 1
 * to 5 from a judge, as VaLLu does; 4 and 5 are right.
 *
 * @see Ghosh et al. 2024 (VDGD and VaLLu), arXiv 2405.15683
 */
export const rubric: Benchmark = {
  name: "rubric",
  title: "Rubric",
  source: "the VaLLu protocol, Ghosh et al. 2024, arXiv 2405.15683",
  rules: ["keywords", "judge"],
  judgedRules: ["judge"],
  metrics: [
    ratioMetric({
      name: "accuracy",
      title: "Accuracy",
      unit: "share",
      better: "higher",
      part: "correct",
      whole: "asked",
      undefinedReason: "no answer was graded",
    }),
    ratioMetric({
      name: "average_score",
      title: "Average grade",
      unit: "points",
      better: "higher",
      part: "score",
      whole: "rated",
      undefinedReason: "no answer has a grade of 1 to 5",
    }),
  ],
  primaryMetric: "accuracy",
  abilityMetric: "accuracy",
  maxNewTokens: 64,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const identify = (value: z.infer<typeof row>) => value.question_id;
  const rows = readQuestions(files, { benchmark: "rubric", schema: row, identify });
  return rows.map(({ value, where }) => ({
    id: value.question_id,
    image: value.image,
    prompt: value.text,
    cluster: value.image,
    group: value.type ?? null,
    truth: value.answer,
    where,
    judgeTask: (answer) =>
      rubricTask({ question: value.text, imageContent: null, reference: value.answer, answer }),
    score: (answer, { rule, verdict }) =>
      rule === "judge" ? scoreGrade(verdict) : scoreKeywords(answer, value.rubric, value.forbidden),
  }));
}

function scoreKeywords(
  answer: string,
  wanted: readonly string[],
  forbidden: readonly string[],
): Score {
  const words = (text: string) => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");
  const said = ` ${words(answer)} `;
  const holds = (keyword: string) => said.includes(` ${words(keyword)} `);
  const missing = wanted.filter((keyword) => !holds(keyword));
  const wrong = forbidden.filter(holds);
  const empty = said.trim() === "";
  const right = !empty && missing.length === 0 && wrong.length === 0;
  const problems = [
    ...missing.map((keyword) => `lacks "${keyword}"`),
    ...wrong.map((keyword) => `says "${keyword}"`),
  ];
  return {
    outcome: empty ? "unparsed" : right ? "right" : "wrong",
    extracted: wanted.filter(holds).join(", ") || null,
    explanation: right ? "holds what the rubric asks for" : problems.join(", "),
    counts: { asked: 1, correct: right ? 1 : 0, ...(empty ? { unparsed: 1 } : {}) },
  };
}

/** Reads {"score": 1-5}, also inside other text or a code fence. */
function scoreGrade(verdict: string | null): Score {
  const graded = verdict === null ? null : gradeIn(verdict);
  if (graded === null) {
    return {
      outcome: "unparsed",
      extracted: null,
      explanation: verdict === null ? "no verdict" : "the verdict holds no grade",
      counts: { unparsed: 1, ...(verdict === null ? { unjudged: 1 } : {}) },
    };
  }
  const { score, reason } = graded;
  return {
    outcome: score >= 4 ? "right" : "wrong",
    extracted: String(score),
    explanation: reason ?? `graded ${score}`,
    counts: { asked: 1, correct: score >= 4 ? 1 : 0, rated: 1, score },
  };
}

function gradeIn(verdict: string): z.infer<typeof verdictShape> | null {
  const json = /\{[^{}]*\}/.exec(verdict)?.[0];
  if (json === undefined) return null;
  try {
    return verdictShape.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}
