import type { Benchmark, BenchmarkFiles, Question, Score } from "../contract/benchmark.js";
import { readOpenQuestions } from "../data/read-open-questions.js";
import { questionFile } from "../data/read-questions.js";
import { accuracyMetric } from "../metrics/ratio-metric.js";
import { choiceOf, type ExpectedAnswer, exactMatch, letterOf } from "../rules/exact-match.js";
import { correctnessIn, correctnessTask, quotedAnswer } from "../rules/judge-tasks.js";

interface SetOptions extends Pick<Benchmark, "name" | "title" | "source"> {
  /** `exact` and `judge`, or one of them; the first is the default. */
  readonly rules?: Benchmark["rules"];
  /** What its answers take, where rows do not say. */
  readonly tag?: Question["tag"];
  /** What else a judge is told. */
  readonly criteria?: string;
}

/** A set of questions with answers: exact match, or a judge. */
function answeredQuestions({
  rules = ["exact", "judge"],
  tag,
  criteria,
  ...info
}: SetOptions): Benchmark {
  return {
    ...info,
    rules,
    judgedRules: ["judge"],
    metrics: [accuracyMetric("no answer was scored")],
    primaryMetric: "accuracy",
    abilityMetric: "accuracy",
    maxNewTokens: 256,
    load: (files) => load(files, info.name, tag, criteria),
  };
}

/**
 * Questions with answers of any set: a row holds identifier, image, question, answer or answers and, where there are
 * some, choices, the part it belongs to and its tag.
 */
export const questionAnswer: Benchmark = answeredQuestions({
  name: "qa",
  title: "Questions and answers",
  source: "exact match in the normal form of VQA, Antol et al. 2015, arXiv 1505.00468",
});

/** MathVista's testmini, whose answers are public. */
export const mathVista: Benchmark = answeredQuestions({
  name: "mathvista",
  title: "MathVista",
  source: "Lu et al. 2023, arXiv 2310.02255; exact match in the place of its extraction by GPT-4",
  tag: "reasoning",
});

/** MMMU's validation set, whose answers are public. */
export const mmmu: Benchmark = answeredQuestions({
  name: "mmmu",
  title: "MMMU",
  source: "Yue et al. 2023, arXiv 2311.16502; exact match in the place of its parser",
  tag: "knowledge",
});

/** MATH-Vision: problems of competitions. */
export const mathVision: Benchmark = answeredQuestions({
  name: "math-vision",
  title: "MATH-Vision",
  source: "Wang et al. 2024, arXiv 2402.14804; exact match in the place of its parser",
  tag: "reasoning",
});

/** HaloQuest: false premises, what cannot be known, and what is hard to see. */
export const haloQuest: Benchmark = answeredQuestions({
  name: "haloquest",
  title: "HaloQuest",
  source: "Wang et al. 2024, arXiv 2407.15680; its criteria in our own words",
  rules: ["judge"],
  tag: "perception",
  criteria:
    "Where the question takes for granted what is not in the image, a right answer says that it is not there; yes, no or nothing goes along with the premise and is incorrect. An answer that declines to help is incorrect. Counts must be the same.",
});

function load(
  files: BenchmarkFiles,
  benchmark: string,
  setTag: Question["tag"],
  criteria: string | undefined,
): Question[] {
  const file = questionFile(files, benchmark);
  const truth = files.truth === file ? null : files.truth;
  return readOpenQuestions(file, truth).map(({ value, where }) => {
    const tag = value.tag ?? setTag;
    const reference = referenceOf(value);
    return {
      id: value.id,
      image: value.image,
      prompt: value.prompt,
      cluster: value.image ?? value.id,
      group: value.group,
      ...(tag === undefined ? {} : { tag }),
      truth: reference,
      where,
      judgeTask: (answer) =>
        correctnessTask(
          { question: value.prompt, imageContent: null, reference, answer: quotedAnswer(answer) },
          criteria,
        ),
      score: (answer, { rule, verdict }) =>
        rule === "judge" ? scoreVerdict(verdict) : scoreMatch(answer, value, reference),
    };
  });
}

/** All that is right, choices with their letter. */
function referenceOf({ answers, choices }: ExpectedAnswer): string {
  const chosen = choiceOf(answers[0] ?? "", choices);
  return chosen === null ? answers.join("; ") : `${letterOf(chosen)}. ${choices[chosen]}`;
}

function scoreMatch(answer: string, expected: ExpectedAnswer, reference: string): Score {
  const { read, right } = exactMatch(answer, expected);
  return {
    outcome: read === null ? "unparsed" : right ? "right" : "wrong",
    extracted: read,
    explanation: read === null ? "nothing to compare" : `read as ${read}, right is ${reference}`,
    counts: { asked: 1, correct: right ? 1 : 0, ...(read === null ? { unparsed: 1 } : {}) },
  };
}

function scoreVerdict(verdict: string | null): Score {
  const word = verdict === null ? null : correctnessIn(verdict);
  if (word === null) {
    return {
      outcome: "unparsed",
      extracted: null,
      explanation: verdict === null ? "no verdict" : "the verdict is neither correct nor incorrect",
      counts: { unparsed: 1, ...(verdict === null ? { unjudged: 1 } : {}) },
    };
  }
  const right = word === "correct";
  return {
    outcome: right ? "right" : "wrong",
    extracted: word,
    explanation: `judged ${word}`,
    counts: { asked: 1, correct: right ? 1 : 0 },
  };
}
