import type { SettingsSchema } from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  Estimate,
  Findings,
  Plot,
  TableRow,
} from "../contract/analysis.js";
import {
  differenceEstimate,
  meanEstimate,
  PERCENT,
  POINTS,
  shareDifference,
  shareEstimate,
} from "../statistics/cluster-estimate.js";
import { imageOf, invents, isRight, type ScoredAnswer } from "./ask-set.js";
import { against, estimateText } from "./estimate-text.js";
import { answerConditions, type Condition, KNOWN, SHIFTS, type Shift } from "./ood-conditions.js";

const SETTINGS = {
  severity: {
    type: "integer",
    min: 1,
    max: 5,
    default: 3,
    summary: "how far images are spoilt, 1 to 5 as for ImageNet-C",
  },
  maxTokens: { type: "integer", min: 1, default: 64, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;

/** Shu et al. 2025, misalignment at inference. */
export const ood: Analysis = {
  name: "ood",
  summary: "what images, words and tasks unlike those of training cost",
  paper:
    "Shu et al. 2025 (survey, arXiv 2501.01346): images, prompts and tasks that differ from training misalign a model at inference, so that it is wrong and hallucinates more often. Images are spoilt as by Hendrycks and Dietterich 2019 (arXiv 1903.12261).",
  needs: { model: true, files: [...KNOWN, "objects_by_image.json"] },
  settings: SETTINGS,
  limit: 60,
  run,
};

/** What a condition costs, against what the model knows: by image where the images are the same. */
interface Cost {
  readonly condition: Condition;
  readonly accuracy: Estimate;
  readonly accuracyCost: Estimate;
  readonly chair: Estimate;
  readonly chairCost: Estimate;
  readonly recall: Estimate;
  readonly recallCost: Estimate;
}

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const conditions = await answerConditions(context, context.settings);
  const usual = conditions[0]!;
  const costs = conditions.map((condition) => costOf(usual, condition, context.seed));
  const of = (...shifts: readonly (Shift | null)[]) =>
    costs.filter(({ condition }) => shifts.includes(condition.shift));
  return {
    n: conditions.reduce((sum, one) => sum + one.questions.length + one.captions.length, 0),
    table: costs.map(row),
    findings: SHIFTS.flatMap((shift) => sentence(shift, of(shift))),
    plots: [
      plot("ood-images", "Other images", of(null, "style", "corruption", "resolution")),
      plot("ood-words", "Other words", of(null, "wording")),
      plot("ood-tasks", "Other tasks on the same images", of(null, "task")),
    ].filter(({ series }) => series.some(({ points }) => points.length > 1)),
  };
}

function costOf(usual: Condition, condition: Condition, seed: number): Cost {
  const { questions, captions } = condition;
  // The same questions, where they are put in another way.
  const asked = new Set(questions.map(({ question }) => question));
  const same = usual.questions.filter(({ question }) => asked.has(question));
  const before = same.length === questions.length ? same : usual.questions;
  return {
    condition,
    accuracy: shareEstimate(questions, imageOf, isRight, { seed }),
    accuracyCost: shareDifference(questions, before, imageOf, isRight, { seed }),
    chair: shareEstimate(captions, imageOf, invents, { seed }),
    chairCost: shareDifference(usual.captions, captions, imageOf, invents, { seed }),
    recall: meanEstimate(captions, imageOf, recallOf, { seed, range: PERCENT }),
    recallCost: differenceEstimate(captions, usual.captions, imageOf, recallOf, {
      seed,
      range: POINTS,
    }),
  };
}

/** Share of what is in the image that a caption names, in percent. */
function recallOf({ score }: ScoredAnswer): number {
  const { found = 0, present = 0 } = score.counts;
  return present === 0 ? 0 : (100 * found) / present;
}

function row(cost: Cost): TableRow {
  const { condition, accuracy, accuracyCost, chair, chairCost, recall, recallCost } = cost;
  const { shift, name, what, questions, captions } = condition;
  const told = (estimate: Estimate) => (estimate.value === null ? "" : estimateText(estimate, 1));
  return {
    condition: what === undefined ? name : `${name}: ${what}`,
    questions: questions.length,
    accuracy: told(accuracy),
    lost: shift === null ? "" : told(accuracyCost),
    captions: captions.length,
    CHAIR_s: told(chair),
    more: shift === null ? "" : told(chairCost),
    recall: told(recall),
    "recall lost": shift === null ? "" : told(recallCost),
  };
}

/** What a kind of difference costs, and whether that is what the survey says. */
function sentence(shift: Shift, costs: readonly Cost[]): string[] {
  const claims = costs.flatMap(({ condition: { name }, accuracyCost, chairCost, recallCost }) => [
    { of: `accuracy (${name})`, cost: accuracyCost },
    { of: `CHAIR_s (${name})`, cost: chairCost },
    { of: `recall (${name})`, cost: recallCost },
  ]);
  const told = (outcome: ReturnType<typeof against>) =>
    claims.filter(({ cost }) => cost.value !== null && against(cost, 0) === outcome);
  const points = (outcome: ReturnType<typeof against>) =>
    told(outcome).map(({ of, cost }) => `${of} ${estimateText(cost, 1)}`);
  const open = told("open").map(({ of }) => of);
  const parts = [
    { words: "as the survey says, it costs points of", of: points("agrees") },
    { words: "against the survey, it costs less than nothing of", of: points("contradicts") },
    { words: "no cost is shown of", of: open },
  ].filter(({ of }) => of.length > 0);
  if (parts.length === 0) return [];
  return [`${shift}: ${parts.map(({ words, of }) => `${words} ${of.join(", ")}`).join("; ")}.`];
}

function plot(name: string, title: string, costs: readonly Cost[]): Plot {
  const points = (of: "accuracy" | "chair" | "recall") =>
    costs
      .filter((cost) => cost[of].value !== null)
      .map((cost) => ({ x: cost.condition.name, ...cost[of] }));
  const series = [
    { label: "accuracy of answers", points: points("accuracy") },
    { label: "CHAIR_s of captions", points: points("chair") },
    { label: "object recall of captions", points: points("recall") },
  ].filter(({ points }) => points.length > 1);
  return {
    name,
    title,
    mark: "dot",
    x: { label: "condition" },
    y: { label: "%", domain: [0, 100] },
    series,
  };
}
