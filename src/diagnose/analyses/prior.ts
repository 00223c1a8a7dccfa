import type { SettingsSchema } from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  Estimate,
  Findings,
  Plot,
  Point,
} from "../contract/analysis.js";
import { aurocEstimate } from "../statistics/auroc-estimate.js";
import { mean, shareDifference, shareEstimate } from "../statistics/cluster-estimate.js";
import { type AbsentObject, absentObjects } from "./absent-objects.js";
import {
  askSet,
  imageOf,
  type QuestionSet,
  questionSet,
  type ScoredAnswer,
  saysYes,
} from "./ask-set.js";
import { counted } from "./counted.js";
import { diffused, noiseSteps } from "./diffused.js";
import { against, estimateText } from "./estimate-text.js";
import { verdict } from "./verdict.js";

const SETTINGS = {
  steps: {
    type: "integer",
    min: 2,
    max: 1000,
    default: 5,
    summary: "how many steps of the noise are looked at, from 0 to 999",
  },
  bins: {
    type: "integer",
    min: 2,
    max: 20,
    default: 4,
    summary: "into how many groups of equal size the questions are put",
  },
} as const satisfies SettingsSchema;

const COLOURS = "colours.jsonl";

/** Leng et al. 2024, statistical bias and language prior. */
export const prior: Analysis = {
  name: "prior",
  summary: "whether false answers follow what is frequent, what occurs together, and what is usual",
  paper:
    "Leng et al. 2024 (VCD, arXiv 2311.16922): objects that are frequent in the training data, and those that often stand with what is there, are hallucinated more often; under noise the answer drifts to the usual colour.",
  needs: { model: true, files: ["pope_random.jsonl", "objects_by_image.json"] },
  settings: SETTINGS,
  limit: 80,
  run,
};

/** How a question about an absent object was answered. */
interface Falsehood extends AbsentObject {
  readonly isYes: boolean;
}

/** What is seen at a step of the noise. */
interface Step {
  readonly t: number;
  readonly absent: readonly Falsehood[];
  /** Answers about things of an unusual colour. */
  readonly colours: readonly ScoredAnswer[];
}

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const { seed, settings } = context;
  const steps = await stepsOf(context);
  const areas = steps.map(({ t, absent }) => ({
    t,
    frequency: areaOf(absent, "frequency", seed),
    together: areaOf(absent, "together", seed),
  }));
  const usual = steps.map(({ t, colours }) => ({ x: t, ...usualShare(colours, seed) }));
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const hasColours = first.colours.length > 0;
  const drift = shareDifference(first.colours, last.colours, imageOf, saysUsual, { seed });
  return {
    n: first.absent.length + first.colours.length,
    table: steps.map(({ t, absent }, i) => ({
      t,
      "false yes": estimateText(falseYes(absent, seed), 1),
      "AUROC of frequency": estimateText(areas[i]!.frequency),
      "AUROC of co-occurrence": estimateText(areas[i]!.together),
      ...(hasColours ? { "usual colour instead": estimateText(usual[i]!, 1) } : {}),
    })),
    findings: [
      follows(areas, "frequency", "objects that are frequent are falsely affirmed more often"),
      follows(
        areas,
        "together",
        "objects that often stand with what is there are falsely affirmed more often",
      ),
      ...(hasColours
        ? [verdict(drift, `the answer drifts to the usual colour between t = 0 and ${last.t}`)]
        : []),
    ],
    plots: [
      curve(steps, "frequency", "images that show the object, %", settings.bins, seed),
      curve(steps, "together", "images of what is there that show it, too, %", settings.bins, seed),
      ...(hasColours ? [colourPlot(usual)] : []),
    ],
    warnings: hasColours ? [] : [`${context.data.name} has no ${COLOURS}: colours are not told of`],
  };
}

async function stepsOf(context: AnalysisContext<typeof SETTINGS>): Promise<Step[]> {
  const { data, settings } = context;
  const { set, objects } = await absentObjects(data);
  const colours = data.has(COLOURS) ? unusualOf(await questionSet(data, COLOURS)) : null;
  const ts = noiseSteps(settings.steps);
  const total = ts.length * (set.questions.length + (colours?.questions.length ?? 0));
  const step = counted(context, total);
  const steps: Step[] = [];
  for (const t of ts) {
    const asking = { options: { method: diffused(t), seed: context.seed } };
    const answers = await askSet(context, set, asking, step);
    steps.push({
      t,
      absent: answers.map((answer, i) => ({ ...objects[i]!, isYes: saysYes(answer) })),
      colours: colours === null ? [] : await askSet(context, colours, asking, step),
    });
  }
  return steps;
}

function unusualOf(set: QuestionSet): QuestionSet {
  return { ...set, questions: set.questions.filter(({ group }) => group === "unusual colour") };
}

function saysUsual({ score }: ScoredAnswer): boolean {
  return (score.counts.saidUsual ?? 0) > 0;
}

function usualShare(colours: readonly ScoredAnswer[], seed: number): Estimate {
  return shareEstimate(colours, imageOf, saysUsual, { seed });
}

function falseYes(absent: readonly Falsehood[], seed: number): Estimate {
  return shareEstimate(
    absent,
    ({ image }) => image,
    ({ isYes }) => isYes,
    { seed },
  );
}

type Measure = "frequency" | "together";

/** How well a measure tells objects that are falsely affirmed from the others. */
function areaOf(absent: readonly Falsehood[], measure: Measure, seed: number): Estimate {
  return aurocEstimate(
    absent,
    ({ image }) => image,
    (one) => one[measure],
    ({ isYes }) => isYes,
    { seed },
  );
}

function follows(
  areas: readonly ({ readonly t: number } & Readonly<Record<Measure, Estimate>>)[],
  measure: Measure,
  claim: string,
): string {
  const told = areas.map((area) => `${estimateText(area[measure])} at t = ${area.t}`).join(", ");
  const at = (outcome: ReturnType<typeof against>) =>
    areas.filter((area) => against(area[measure], 0.5) === outcome).map(({ t }) => t);
  const outcomes = [
    ["as in the paper", at("agrees")],
    ["against it", at("contradicts")],
    ["not shown", at("open")],
  ] as const;
  const where = outcomes
    .filter(([, ts]) => ts.length > 0)
    .map(([outcome, ts]) => `${outcome} at t = ${ts.join(", ")}`);
  return `The paper found that ${claim}; AUROC ${told}: ${where.join("; ")}.`;
}

/** False yes by groups of equal size, in the order of a measure. */
function curve(
  steps: readonly Step[],
  measure: Measure,
  label: string,
  bins: number,
  seed: number,
): Plot {
  return {
    name: `prior-${measure === "frequency" ? "frequency" : "co-occurrence"}`,
    title: `False yes and ${measure === "frequency" ? "frequency of the object" : "co-occurrence with what is there"}`,
    mark: "line",
    x: { label },
    y: { label: "false yes, %", domain: [0, 100] },
    series: steps.map(({ t, absent }) => ({
      label: `t = ${t} (n = ${absent.length})`,
      points: groups(absent, measure, bins).map(
        (group): Point => ({
          x: mean(group.map((one) => one[measure]))!,
          ...falseYes(group, seed),
        }),
      ),
    })),
  };
}

function groups(absent: readonly Falsehood[], measure: Measure, bins: number): Falsehood[][] {
  const sorted = [...absent].sort((a, b) => a[measure] - b[measure]);
  const at = (bin: number) => Math.round((bin * sorted.length) / bins);
  return Array.from({ length: bins }, (_, bin) => sorted.slice(at(bin), at(bin + 1))).filter(
    (group) => group.length > 0,
  );
}

function colourPlot(points: readonly (Point & { readonly x: number })[]): Plot {
  return {
    name: "prior-colour",
    title: "Things of an unusual colour that are given the usual one",
    mark: "line",
    x: { label: "step t of the noise", domain: [0, 999] },
    y: { label: "answers with the usual colour, %", domain: [0, 100] },
    series: [{ label: `unusual colours (n = ${points[0]!.n})`, points }],
  };
}
