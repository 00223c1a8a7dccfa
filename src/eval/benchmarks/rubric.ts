import { z } from "zod";
import type { Benchmark } from "../contract/benchmark.js";
import type { Reading } from "../define/declaration.js";
import { defineBenchmark } from "../define/define-benchmark.js";
import { rubricTask } from "../rules/judge-tasks.js";

const verdictShape = z.object({ score: z.number().min(1).max(5), reason: z.string().optional() });

/**
 * Open questions with a reference answer. Rule `keywords` needs no judge: an answer is right when it
 * holds every word or phrase of `rubric` and none of `forbidden`, as whole words in any case. Rule `judge` takes a grade of 1
 * to 5 from a judge, as VaLLu does; 4 and 5 are right.
 *
 * @see Ghosh et al. 2024 (VDGD and VaLLu), arXiv 2405.15683
 */
export const rubric: Benchmark = {
  ...defineBenchmark({
    name: "rubric",
    title: "Rubric",
    source: "the VaLLu protocol, Ghosh et al. 2024, arXiv 2405.15683",
    row: {
      question_id: "identifier",
      image: "text",
      text: "text",
      answer: "text",
      rubric: "texts",
      forbidden: "texts?",
      type: "text?",
    },
    id: (row) => row.question_id,
    image: (row) => row.image,
    prompt: (row) => row.text,
    truth: (row) => row.answer,
    group: (row) => row.type ?? null,
    rules: {
      keywords: { read: (answer, row) => readKeywords(answer, row.rubric, row.forbidden ?? []) },
      judge: {
        ask: (answer, row) =>
          rubricTask({ question: row.text, imageContent: null, reference: row.answer, answer }),
        read: readGrade,
      },
    },
    metrics: {
      accuracy: { part: "correct", whole: "asked", undefinedReason: "no answer was graded" },
      average_score: {
        title: "Average grade",
        unit: "points",
        part: "score",
        whole: "rated",
        undefinedReason: "no answer has a grade of 1 to 5",
      },
    },
  }),
  abilityMetric: "accuracy",
};

function readKeywords(
  answer: string,
  wanted: readonly string[],
  forbidden: readonly string[],
): Reading {
  const words = (text: string) => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");
  const said = ` ${words(answer)} `;
  const holds = (keyword: string) => said.includes(` ${words(keyword)} `);
  const missing = wanted.filter((keyword) => !holds(keyword));
  const wrong = forbidden.filter(holds);
  const problems = [
    ...missing.map((keyword) => `lacks "${keyword}"`),
    ...wrong.map((keyword) => `says "${keyword}"`),
  ];
  if (said.trim() === "") return { extracted: null, explanation: problems.join(", ") };
  const right = problems.length === 0;
  return {
    extracted: wanted.filter(holds).join(", ") || null,
    right,
    explanation: right ? "holds what the rubric asks for" : problems.join(", "),
  };
}

/** Reads {"score": 1-5}, also inside other text or a code fence. */
function readGrade(verdict: string): Reading {
  const graded = gradeIn(verdict);
  if (graded === null) return { extracted: null, explanation: "the verdict holds no grade" };
  const { score, reason } = graded;
  return {
    extracted: String(score),
    right: score >= 4,
    explanation: reason ?? `graded ${score}`,
    counts: { rated: 1, score },
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
