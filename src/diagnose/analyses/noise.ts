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
import {
  askSet,
  imageOf,
  invents,
  isAboutAbsent,
  isRight,
  questionSet,
  type ScoredAnswer,
  saysYes,
} from "./ask-set.js";
import { counted } from "./counted.js";
import { describedQuestions } from "./described-questions.js";
import { diffused, noiseSteps } from "./diffused.js";
import { estimateText } from "./estimate-text.js";
import { type NoisyToken, readUnderNoise } from "./read-under-noise.js";
import { verdict } from "./verdict.js";

const SETTINGS = {
  steps: {
    type: "integer",
    min: 2,
    max: 1000,
    default: 6,
    summary: "how many steps of the noise are looked at, from 0 to 999",
  },
  maxTokens: { type: "integer", min: 1, default: 64, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;

/** Yes/no questions, captions, and questions about given descriptions. */
const FILES = ["pope_adversarial.jsonl", "captions.jsonl"];
const READING = "reading.jsonl";

/** What is seen of the model at a step of the noise. */
interface Step {
  readonly t: number;
  readonly questions: readonly ScoredAnswer[];
  readonly captions: readonly ScoredAnswer[];
  readonly descriptions: readonly ScoredAnswer[];
  readonly tokens: readonly NoisyToken[];
}

/** Leng et al. 2024, what visual uncertainty does. */
export const noise: Analysis = {
  name: "noise",
  summary: "what noise on the image does to hallucination, and what it leaves alone",
  paper:
    "Leng et al. 2024 (VCD, arXiv 2311.16922): hallucination and yes-answers grow with the noise, while basic language and common sense stay, so that contrasting the two without a plausibility constraint punishes what is right and rewards implausible tokens.",
  needs: { model: true, files: [...FILES, "objects_by_image.json"] },
  settings: SETTINGS,
  limit: 40,
  run,
};

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const steps = await stepsOf(context);
  const { seed } = context;
  const figures = steps.map((step) => ({ t: step.t, ...figuresOf(step, seed) }));
  return {
    n: steps[0]!.questions.length + steps[0]!.captions.length + steps[0]!.descriptions.length,
    table: figures.map(row),
    findings: [...growth(steps, seed), ...language(steps, figures, seed)],
    plots: plots(figures),
  };
}

async function stepsOf(context: AnalysisContext<typeof SETTINGS>): Promise<Step[]> {
  const { data, settings } = context;
  // The first word alone decides, so that an answer that is neither yes nor no is told apart.
  const pope = await questionSet(data, FILES[0]!, "first-word");
  const captions = { ...(await questionSet(data, FILES[1]!)), maxTokens: settings.maxTokens };
  const reading = data.has(READING) ? await describedQuestions(data, READING) : [];
  const ts = noiseSteps(settings.steps);
  const sets = [pope, captions, ...reading];
  const each = sets.reduce((sum, { questions }) => sum + questions.length, 0);
  const total = ts.length * (each + captions.questions.length);
  const step = counted(context, total);
  const steps: Step[] = [];
  for (const t of ts) {
    const method = diffused(t);
    const ask = (set: typeof pope) =>
      askSet(context, set, { options: { method, seed: context.seed } }, step);
    const questions = await ask(pope);
    const said = await ask(captions);
    const descriptions: ScoredAnswer[] = [];
    for (const set of reading) descriptions.push(...(await ask(set)));
    const clear = steps[0]?.captions ?? said;
    const tokens = await readUnderNoise(context, clear, t, step);
    steps.push({ t, questions, captions: said, descriptions, tokens });
  }
  return steps;
}

type Figures = Readonly<
  Record<
    | "false yes"
    | "yes"
    | "CHAIR_s"
    | "unreadable"
    | "unfinished"
    | "descriptions read"
    | "same token, objects"
    | "same token, others"
    | "implausible mass"
    | "after contrast",
    Estimate
  >
>;

function figuresOf({ questions, captions, descriptions, tokens }: Step, seed: number): Figures {
  const options = { seed };
  const share = (items: readonly ScoredAnswer[], isHit: (item: ScoredAnswer) => boolean) =>
    shareEstimate(items, imageOf, isHit, options);
  const same = (isObject: boolean) =>
    shareEstimate(
      tokens.filter((token) => token.isObject === isObject),
      ({ image }) => image,
      ({ isSame }) => isSame,
      options,
    );
  const mass = (massOf: (token: NoisyToken) => number) =>
    meanEstimate(
      tokens,
      ({ image }) => image,
      (token) => 100 * massOf(token),
      { ...options, range: PERCENT },
    );
  return {
    "false yes": share(questions.filter(isAboutAbsent), saysYes),
    yes: share(questions, saysYes),
    CHAIR_s: share(captions, invents),
    unreadable: share(questions, ({ score }) => score.outcome === "unparsed"),
    unfinished: share(captions, ({ answer }) => answer.finishReason === "length"),
    "descriptions read": share(descriptions, isRight),
    "same token, objects": same(true),
    "same token, others": same(false),
    "implausible mass": mass(({ implausible }) => implausible),
    "after contrast": mass(({ implausibleAfterContrast }) => implausibleAfterContrast),
  };
}

function row({ t, ...figures }: { readonly t: number } & Figures): TableRow {
  return {
    t,
    ...Object.fromEntries(
      Object.entries(figures).map(([name, figure]) => [name, estimateText(figure, 1)]),
    ),
  };
}

/** What grows with the noise, from none to its last step. */
function growth(steps: readonly Step[], seed: number): string[] {
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const grown = (
    of: (step: Step) => readonly ScoredAnswer[],
    isHit: (answer: ScoredAnswer) => boolean,
    claim: string,
  ) => verdict(shareDifference(of(first), of(last), imageOf, isHit, { seed }), claim);
  const between = `between t = ${first.t} and ${last.t}`;
  return [
    grown(
      ({ questions }) => questions.filter(isAboutAbsent),
      saysYes,
      `false yes grows ${between}`,
    ),
    grown(({ questions }) => questions, saysYes, `the share of yes grows ${between}`),
    grown(({ captions }) => captions, invents, `CHAIR_s grows ${between}`),
  ];
}

/** What noise leaves alone, and what that means for contrasting. */
function language(
  steps: readonly Step[],
  figures: readonly ({ readonly t: number } & Figures)[],
  seed: number,
): string[] {
  const last = figures.at(-1)!;
  const { tokens } = steps.at(-1)!;
  const of = (isObject: boolean) => tokens.filter((token) => token.isObject === isObject);
  const kept = shareDifference(
    of(true),
    of(false),
    ({ image }) => image,
    ({ isSame }) => isSame,
    { seed },
  );
  // The default step of VCD, or the one next to it.
  const middle = figures.reduce((best, one) =>
    Math.abs(one.t - 500) < Math.abs(best.t - 500) ? one : best,
  );
  const grown = differenceEstimate(
    steps.find(({ t }) => t === middle.t)!.tokens.map(massBefore),
    steps.find(({ t }) => t === middle.t)!.tokens.map(massAfter),
    ({ image }) => image,
    ({ mass }) => mass,
    { seed, range: POINTS },
  );
  return [
    verdict(
      kept,
      `language stays where sight goes (at t = ${last.t} the likeliest token is still the image's at ${estimateText(last["same token, others"], 1)}% of the caption's other tokens, at ${estimateText(last["same token, objects"], 1)}% of those that name an object)`,
    ),
    `Of the answers at t = ${last.t}, ${estimateText(last.unreadable, 1)}% are neither yes nor no and ${estimateText(last.unfinished, 1)}% of the captions do not end; ${estimateText(last["descriptions read"], 1)}% of questions about a given description are right.`,
    verdict(
      grown,
      `contrast without a constraint gives implausible tokens weight (at t = ${middle.t}: ${estimateText(middle["after contrast"], 2)}% of the probability, ${estimateText(middle["implausible mass"], 2)}% without contrast)`,
    ),
  ];
}

interface Mass {
  readonly image: string;
  readonly mass: number;
}

function massBefore({ image, implausible }: NoisyToken): Mass {
  return { image, mass: 100 * implausible };
}

function massAfter({ image, implausibleAfterContrast }: NoisyToken): Mass {
  return { image, mass: 100 * implausibleAfterContrast };
}

function plots(figures: readonly ({ readonly t: number } & Figures)[]): Plot[] {
  const plot = (name: string, title: string, names: readonly (keyof Figures)[]): Plot => ({
    name,
    title,
    mark: "line",
    x: { label: "step t of the noise", domain: [0, 999] },
    y: { label: "%", domain: [0, 100] },
    series: names.map((label) => ({
      label: `${label} (n = ${figures[0]![label].n})`,
      points: figures.map((figure) => ({ x: figure.t, ...figure[label] })),
    })),
  });
  return [
    plot("noise-hallucination", "Hallucination under noise", ["false yes", "yes", "CHAIR_s"]),
    plot("noise-language", "What noise leaves alone", [
      "same token, others",
      "same token, objects",
      "descriptions read",
      "unreadable",
    ]),
  ];
}
