import { z } from "zod";
import { firstWordRule } from "../../objects/yes-no-answer.js";
import type { Benchmark, BenchmarkFiles, Question } from "../contract/benchmark.js";
import { readQuestions } from "../data/read-questions.js";
import { identifier, yesNoLabel } from "../data/read-shaped.js";
import { harmonicMean } from "../metrics/ratio.js";
import { accuracyMetric, ratioMetric } from "../metrics/ratio-metric.js";
import { dashRule } from "../rules/yes-no.js";
import { scoreYesNo } from "./pope.js";

const row = z.object({
  question_id: identifier,
  image_path: z.string().min(1),
  object: z.string().min(1),
  question: z.string().min(1),
  answer: yesNoLabel,
});

const trueNegatives = ratioMetric({
  name: "true_negative_rate",
  title: "True negative rate",
  unit: "share",
  better: "higher",
  part: "tn",
  whole: "negatives",
  undefinedReason: "no question has the answer no",
});
const truePositives = ratioMetric({
  name: "true_positive_rate",
  title: "True positive rate",
  unit: "share",
  better: "higher",
  part: "tp",
  whole: "positives",
  undefinedReason: "no question has the answer yes",
});

/**
 * DASH-B: is the object there? Half of the images were found because models see an object in them that they do not
 * hold.
 *
 * @see Augustin, Neuhaus and Hein 2025, arXiv 2503.23573; YanNeu/DASH-B src/eval_utils.py
 */
export const dashB: Benchmark = {
  name: "dash-b",
  title: "DASH-B",
  kind: "yes-no",
  source: "Augustin, Neuhaus and Hein 2025, arXiv 2503.23573; YanNeu/DASH-B eval_utils.py",
  rules: ["dash-b", "first-word"],
  metrics: [
    accuracyMetric("no question"),
    trueNegatives,
    truePositives,
    {
      name: "harmonic_mean",
      title: "Harmonic mean of both rates",
      unit: "share",
      better: "higher",
      of: (c) => harmonicMean(trueNegatives.of(c), truePositives.of(c), "the rates"),
    },
  ],
  primaryMetric: "accuracy",
  maxNewTokens: 16,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const identify = (value: z.infer<typeof row>) => value.question_id;
  const rows = readQuestions(files, { benchmark: "dash-b", schema: row, identify });
  return rows.map(({ value, where }) => ({
    id: value.question_id,
    image: value.image_path,
    prompt: value.question,
    cluster: value.image_path,
    group: value.object,
    tag: "recognition",
    truth: value.answer,
    where,
    score: (answer, { rule }) =>
      scoreYesNo(answer, value.answer, rule === "first-word" ? firstWordRule : dashRule),
  }));
}
