import { DESCRIBE_PROMPT, type SettingsSchema } from "../../index.js";
import type { Analysis, AnalysisContext, Findings, Plot, TableRow } from "../contract/analysis.js";
import { shareDifference, shareEstimate } from "../statistics/cluster-estimate.js";
import { answerAll } from "./answer-all.js";
import {
  type Asking,
  askSet,
  type ImageQuestion,
  imageOf,
  isRight,
  type QuestionSet,
  type ScoredAnswer,
} from "./ask-set.js";
import { baseRanks, type RankedToken } from "./base-ranks.js";
import { CAPTION_ROW, modelCaptions } from "./captions.js";
import { type Ranked, rankFindings, rankPlot, rankRow } from "./cognition-ranks.js";
import { counted } from "./counted.js";
import { describedQuestions } from "./described-questions.js";
import { diffused } from "./diffused.js";
import { estimateText } from "./estimate-text.js";
import { verdict } from "./verdict.js";

const SETTINGS = {
  noiseStep: {
    type: "integer",
    min: 0,
    max: 999,
    default: 999,
    called: "noise step",
    summary: "diffusion step of the noise that stands for the image",
  },
  maxTokens: {
    type: "integer",
    min: 1,
    default: 128,
    summary: "longest description and caption, in tokens",
  },
} as const satisfies SettingsSchema;
type Context = AnalysisContext<typeof SETTINGS>;

/** Questions with a true description; those that a folder has. */
const FILES = ["reading.jsonl", "direct.jsonl"];
const CAPTIONS = "captions.jsonl";

/** What stands for the image. */
const WAYS = [
  "image",
  "noise instead",
  "own description instead",
  "true description instead",
  "image and true description",
] as const;
type Way = (typeof WAYS)[number];

/** Ghosh et al. 2025, the perception gap; Lin et al. 2024, base ranks. */
export const cognition: Analysis = {
  name: "cognition",
  summary: "what questions are answered from: the image, noise, or a description in its place",
  paper:
    "Ghosh et al. 2025 (VDGD, arXiv 2405.15683): models describe what they then fail to reason about, so that a description in the place of the image helps. Lin et al. 2024 (arXiv 2312.01552): tokens of an answer shift less from the base LLM's the later they stand.",
  needs: { model: true, base: true, files: [FILES[0]!] },
  settings: SETTINGS,
  limit: 60,
  run,
};

/** A set's answers, by what stands for the image. */
interface Answered {
  readonly name: string;
  readonly answers: ReadonlyMap<Way, readonly ScoredAnswer[]>;
}

async function run(context: Context): Promise<Findings> {
  const { data, base, seed } = context;
  const sets: QuestionSet[] = [];
  for (const file of FILES.filter((one) => data.has(one))) {
    sets.push(...(await describedQuestions(data, file)));
  }
  const questions = sets.flatMap((set) => set.questions);
  const images = [...new Set(questions.map(({ image }) => image))];
  const hasCaptions = data.has(CAPTIONS) && data.has("objects_by_image.json");
  const captions = hasCaptions ? (await data.rows(CAPTIONS, CAPTION_ROW)).length : 0;
  const total =
    images.length +
    WAYS.length * questions.length +
    (base === undefined ? 0 : questions.length + 2 * captions);
  const step = counted(context, total);
  const own = await ownDescriptions(context, images, step);
  const answered: Answered[] = [];
  for (const set of sets) answered.push(await answersTo(context, set, own, step));
  const ranked = base === undefined ? [] : await ranksOf(context, answered, captions > 0, step);
  return {
    n: questions.length,
    table: [
      ...answered.flatMap((set) => rowsOf(set, seed)),
      ...ranked.map((set) => rankRow(set, seed)),
    ],
    findings: [...answered.flatMap((set) => findingsOf(set, seed)), ...rankFindings(ranked, seed)],
    plots: [plotOf(answered, seed), ...rankPlot(ranked, seed)],
    warnings: base === undefined ? ["no base LLM: base ranks are not told; --base names one"] : [],
  };
}

/** What the model itself says of each image. */
async function ownDescriptions(
  context: Context,
  images: readonly string[],
  step: () => void,
): Promise<Map<string, string>> {
  const { data, settings } = context;
  const requests = images.map((image) => ({
    image: data.image(image),
    prompt: DESCRIBE_PROMPT,
    maxTokens: settings.maxTokens,
  }));
  const answers = await answerAll(context, requests, step);
  return new Map(images.map((image, i) => [image, answers[i]!.text]));
}

async function answersTo(
  context: Context,
  set: QuestionSet,
  own: ReadonlyMap<string, string>,
  step: () => void,
): Promise<Answered> {
  const { settings, seed } = context;
  const blind: Asking = { image: () => null };
  const noisy: Asking = { options: { method: diffused(settings.noiseStep), seed } };
  const undescribed = set.questions.map(({ description: _, ...question }) => question);
  const withOwn = undescribed.map((question) => ({
    ...question,
    description: own.get(question.image)!,
  }));
  const ways: Readonly<Record<Way, readonly [readonly ImageQuestion[], Asking]>> = {
    image: [undescribed, {}],
    "noise instead": [undescribed, noisy],
    "own description instead": [withOwn, blind],
    "true description instead": [set.questions, blind],
    "image and true description": [set.questions, {}],
  };
  const answers = new Map<Way, readonly ScoredAnswer[]>();
  for (const way of WAYS) {
    const [questions, asking] = ways[way];
    answers.set(way, await askSet(context, { ...set, questions }, asking, step));
  }
  return { name: set.name, answers };
}

async function ranksOf(
  context: Context,
  answered: readonly Answered[],
  hasCaptions: boolean,
  step: () => void,
): Promise<Ranked[]> {
  const ranked: Ranked[] = [];
  const add = async (
    name: string,
    answers: readonly { image: string; prompt: string; answer: ScoredAnswer["answer"] }[],
  ) => {
    const tokens: RankedToken[] = [];
    for (const { image, prompt, answer } of answers) {
      const said = answer.tokens.map(({ id }) => id);
      tokens.push(...(await baseRanks(context, { image, prompt, tokens: said })));
      step();
    }
    ranked.push({ name, tokens });
  };
  for (const { name, answers } of answered) {
    const seen = answers.get("image")!;
    await add(
      name,
      seen.map(({ question, answer }) => ({
        image: question.image,
        prompt: question.prompt,
        answer,
      })),
    );
  }
  if (hasCaptions) {
    await add("captions", await modelCaptions(context, CAPTIONS, context.settings.maxTokens, step));
  }
  return ranked;
}

function rightOf({ answers }: Answered, way: Way, seed: number) {
  return shareEstimate(answers.get(way)!, imageOf, isRight, { seed });
}

/** Points of accuracy of one way above another. */
function gain({ answers }: Answered, from: Way, to: Way, seed: number) {
  return shareDifference(answers.get(from)!, answers.get(to)!, imageOf, isRight, { seed });
}

function rowsOf(set: Answered, seed: number): TableRow[] {
  return WAYS.map((way) => ({
    set: set.name,
    from: way,
    n: set.answers.get(way)!.length,
    right: estimateText(rightOf(set, way, seed), 1),
    "minus image": way === "image" ? null : estimateText(gain(set, "image", way, seed), 1),
  }));
}

function findingsOf(set: Answered, seed: number): string[] {
  const told = (way: Way) => `${estimateText(rightOf(set, way, seed), 1)}% from ${way}`;
  return [
    `${set.name}: ${WAYS.map(told).join(", ")}.`,
    `${set.name}: ${verdict(gain(set, "image", "own description instead", seed), "the model's own description in the place of the image helps")}`,
    `${set.name}: ${verdict(gain(set, "image", "true description instead", seed), "a true description in the place of the image helps")}`,
  ];
}

function plotOf(answered: readonly Answered[], seed: number): Plot {
  return {
    name: "cognition-answers",
    title: "What questions are answered from",
    mark: "dot",
    x: { label: "what the model is given" },
    y: { label: "right answers, percent", domain: [0, 100] },
    series: answered.map((set) => ({
      label: set.name,
      points: WAYS.map((x) => ({ x: SHORT[x], ...rightOf(set, x, seed) })),
    })),
  };
}

const SHORT: Readonly<Record<Way, string>> = {
  image: "image",
  "noise instead": "noise",
  "own description instead": "own description",
  "true description instead": "true description",
  "image and true description": "image, description",
};
