import { z } from "zod";
import { firstWordRule } from "../../eval/index.js";
import {
  averaging,
  InvalidArgumentError,
  type Method,
  regular,
  type SettingsSchema,
} from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  Estimate,
  Findings,
  Plot,
  TableRow,
} from "../contract/analysis.js";
import { meanEstimate, POINTS, shareEstimate } from "../statistics/cluster-estimate.js";
import { answerAll } from "./answer-all.js";
import { CAPTION_ROW, type ModelCaption, modelCaptions } from "./captions.js";
import { counted } from "./counted.js";
import { against, estimateText } from "./estimate-text.js";
import {
  EXPONENTIAL_TAIL,
  type FeatureFigures,
  featureFigures,
  QUANTILES,
} from "./feature-figures.js";

const SETTINGS = {
  steps: {
    type: "text",
    default: "100,200,400",
    summary: "diffusion steps of the noise, ascending, with commas between",
  },
  copies: { type: "integer", min: 2, max: 256, default: 10, summary: "noised copies of an image" },
  unstable: {
    type: "number",
    min: 0,
    default: 1,
    summary:
      "a feature is unstable where noise varies it more than this times as much as images do",
  },
  maxTokens: { type: "integer", min: 1, default: 64, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;
type Context = AnalysisContext<typeof SETTINGS>;

const CAPTIONS = "captions.jsonl";
const QUESTIONS = "pope_adversarial.jsonl";
const QUESTION_ROW = z.object({
  image: z.string().min(1),
  text: z.string().min(1),
  label: z.enum(["yes", "no"]),
});

/** Liu et al. 2025, why vision features are steered. */
export const stability: Analysis = {
  name: "stability",
  summary: "how much image features vary under light noise, and whether averaging them helps",
  paper:
    "Liu et al. 2025 (VTI, arXiv 2410.15778): about 15% of the vision features vary much under small noise, with a long tail; averaging features over noised copies reduces hallucination, one noised copy alone does not.",
  needs: { model: true, files: [CAPTIONS, QUESTIONS, "objects_by_image.json"] },
  settings: SETTINGS,
  limit: 100,
  run,
};

async function run(context: Context): Promise<Findings> {
  const steps = stepsOf(context.settings.steps);
  const { length: captions } = await context.data.rows(CAPTIONS, CAPTION_ROW);
  const { length: questions } = await context.data.rows(QUESTIONS, QUESTION_ROW);
  const conditions = conditionsOf(steps, context.settings.copies);
  const total = captions * (steps.length + 1) + (captions + questions) * conditions.length;
  const step = counted(context, total);
  const features = await featureFigures(context, context.settings, steps, step);
  const answers: ConditionFigures[] = [];
  for (const condition of conditions) {
    answers.push({ ...condition, ...(await answered(context, condition.method, step)) });
  }
  return {
    n: captions + questions,
    table: [...features.map(featureRow), ...answers.map((one) => answerRow(one, context.seed))],
    findings: [
      ...features.map((one) => featureSentence(one, context.settings.unstable)),
      ...answers.slice(1).map((one) => answerSentence(one, answers[0]!, context.seed)),
    ],
    plots: [featurePlot(features), ...answerPlots(answers, context.seed)],
  };
}

/** @throws InvalidArgumentError when they are no steps */
function stepsOf(text: string): number[] {
  const steps = text.split(",").map(Number);
  const isFine = steps.every(
    (t, i) => Number.isInteger(t) && t >= 1 && t <= 999 && !(t <= steps[i - 1]!),
  );
  if (isFine) return steps;
  throw new InvalidArgumentError(
    `steps: received ${JSON.stringify(text)}; expected ascending integers of 1 to 999 with commas between, such as "100,200,400"`,
  );
}

/** A way in which the image is seen. */
interface Condition {
  readonly step: number;
  readonly way: "as it is" | "one noised copy" | "averaged";
  readonly method: Method;
}

function conditionsOf(steps: readonly number[], copies: number): Condition[] {
  return [
    { step: 0, way: "as it is", method: regular() },
    ...steps.flatMap((noiseStep): Condition[] => [
      { step: noiseStep, way: "one noised copy", method: averaging({ copies: 1, noiseStep }) },
      { step: noiseStep, way: "averaged", method: averaging({ copies, noiseStep }) },
    ]),
  ];
}

/** Something that was asked, and what came of it in percent: 0 or 100. */
interface Outcome {
  readonly image: string;
  readonly value: number;
}

/** What was answered: whether captions invent, and whether absent things are said to be there. */
interface Answered {
  readonly invents: readonly Outcome[];
  readonly falseYes: readonly Outcome[];
}
type ConditionFigures = Condition & Answered;

async function answered(context: Context, method: Method, onStep: () => void): Promise<Answered> {
  const { data, settings, seed } = context;
  const captions = await modelCaptions(context, CAPTIONS, settings.maxTokens, onStep, {
    method,
    seed,
  });
  const rows = (await data.rows(QUESTIONS, QUESTION_ROW)).map(({ value }) => value);
  const requests = rows.map(({ image, text }) => ({
    image: data.image(image),
    prompt: text,
    maxTokens: 16,
    method,
    seed,
  }));
  const answers = await answerAll(context, requests, onStep);
  return {
    invents: captions.map((caption: ModelCaption) => ({
      image: caption.image,
      value: caption.objects.some(({ isThere }) => !isThere) ? 100 : 0,
    })),
    falseYes: rows.flatMap(({ image, label }, i) => {
      const value = firstWordRule(answers[i]!.text) === "yes" ? 100 : 0;
      return label === "no" ? [{ image, value }] : [];
    }),
  };
}

function imageOf({ image }: Outcome): string {
  return image;
}

function percent(outcomes: readonly Outcome[], seed: number): Estimate {
  return shareEstimate(outcomes, imageOf, ({ value }) => value > 0, { seed });
}

function featureRow({ step, unstable, tail }: FeatureFigures): TableRow {
  return {
    t: step,
    image: "features",
    "unstable %": estimateText(unstable, 1),
    "tail %": estimateText(tail, 1),
    "CHAIR_s %": null,
    "false yes %": null,
  };
}

function answerRow({ step, way, invents, falseYes }: ConditionFigures, seed: number): TableRow {
  return {
    t: step,
    image: way,
    "unstable %": null,
    "tail %": null,
    "CHAIR_s %": estimateText(percent(invents, seed), 1),
    "false yes %": estimateText(percent(falseYes, seed), 1),
  };
}

function featureSentence({ step, unstable, tail }: FeatureFigures, bound: number): string {
  const told = `at t = ${step}, noise varies ${estimateText(unstable, 1)}% of the features more than ${bound === 1 ? "" : `${bound} times as much as `}images differ in them, where the paper tells of about 15%; the 15% that vary most hold ${estimateText(tail, 1)}% of all relative variance`;
  return `${told}. ${TAILS[against(tail, EXPONENTIAL_TAIL)]}`;
}

const TAILS = {
  agrees: "As in the paper, the tail is long: longer than an exponential distribution's (43%).",
  contradicts: "Against the paper, the tail is short: an exponential distribution's holds 43%.",
  open: "A longer tail than an exponential distribution's (43%) is not shown.",
};

/** An image seen otherwise against the image as it is, question by question. */
function answerSentence(one: ConditionFigures, clear: ConditionFigures, seed: number): string {
  const difference = (of: (answered: Answered) => readonly Outcome[]) => {
    const before = of(clear);
    const changes = of(one).map(({ image, value }, i) => ({
      image,
      value: value - before[i]!.value,
    }));
    return meanEstimate(changes, imageOf, ({ value }) => value, { seed, range: POINTS });
  };
  const captions = difference(({ invents }) => invents);
  const questions = difference(({ falseYes }) => falseYes);
  const isHarm = one.way === "one noised copy";
  const verdicts = isHarm ? HARMS : HELPS;
  return `${one.way}, t = ${one.step}: captions that invent change by ${estimateText(captions, 1)} points (n = ${captions.n}), false yes by ${estimateText(questions, 1)} (n = ${questions.n}). ${verdicts[against(captions, 0)]}`;
}

const HARMS = {
  agrees: "As in the paper, noise alone harms captions.",
  contradicts: "Against the paper, noise alone makes captions invent less.",
  open: "That noise alone harms captions is not shown.",
};

const HELPS = {
  agrees: "Against the paper, averaging makes captions invent more.",
  contradicts: "As in the paper, averaging makes captions invent less.",
  open: "That averaging helps captions is not shown.",
};

function featurePlot(features: readonly FeatureFigures[]): Plot {
  return {
    name: "stability-features",
    title: "Variance of image features under noise",
    mark: "line",
    x: { label: "% of features that vary less" },
    y: { label: "variance over the variance between images" },
    series: features.map(({ step, quantiles }) => ({
      label: `t = ${step}`,
      points: quantiles.map((estimate, q) => ({ x: QUANTILES[q]!, ...estimate })),
    })),
  };
}

function answerPlots(answers: readonly ConditionFigures[], seed: number): Plot[] {
  const [clear] = answers;
  const plot = (
    name: string,
    title: string,
    y: string,
    of: (answered: Answered) => readonly Outcome[],
  ): Plot => ({
    name,
    title,
    mark: "line",
    x: { label: "diffusion step of the noise" },
    y: { label: y },
    series: (["one noised copy", "averaged"] as const).map((way) => ({
      label: way,
      points: [clear!, ...answers.filter((one) => one.way === way)].map((one) => ({
        x: one.step,
        ...percent(of(one), seed),
      })),
    })),
  });
  return [
    plot("stability-captions", "Captions that invent", "CHAIR_s, %", ({ invents }) => invents),
    plot(
      "stability-questions",
      "Yes to what is not there",
      "% of questions",
      ({ falseYes }) => falseYes,
    ),
  ];
}
