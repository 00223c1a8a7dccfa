import { InvalidArgumentError, type TextModel } from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  AnalysisData,
  Estimate,
  Findings,
} from "../contract/analysis.js";
import { shareDifference, shareEstimate } from "../statistics/cluster-estimate.js";
import { askSet, isRight, type QuestionSet, requestFor } from "./ask-set.js";
import { baseAnswer } from "./base-answers.js";
import { counted } from "./counted.js";
import { describedQuestions } from "./described-questions.js";
import { estimateText } from "./estimate-text.js";
import { usualColours } from "./text-facts.js";
import { verdict } from "./verdict.js";

/** Questions with a description that answers them, and things with a usual colour; those that a folder has. */
const FILES = { reading: "reading.jsonl", direct: "direct.jsonl", colours: "colours.jsonl" };

/** A question that needs no image, and who answered it rightly. */
interface Fact {
  /** The image that its description is of, or the thing that it is about. */
  readonly cluster: string;
  readonly base: boolean;
  readonly tuned: boolean;
}

interface FactSet {
  readonly name: string;
  readonly facts: readonly Fact[];
}

/** Shu et al. 2025, what tuning on images does to text. */
export const forgetting: Analysis = {
  name: "forgetting",
  summary: "whether tuning on images cost the decoder what its base LLM knows in text alone",
  paper:
    "Shu et al. 2025 (survey, arXiv 2501.01346): tuning an LLM on images makes it forget some of what it knew, a cause of misalignment that lies in the model.",
  needs: { model: true, base: true, files: [FILES.colours] },
  settings: {},
  limit: 60,
  run,
};

async function run(context: AnalysisContext): Promise<Findings> {
  const { seed, model, base } = context;
  if (base === undefined) {
    throw new InvalidArgumentError(
      `forgetting: received no base LLM for ${model.info.id}; give the text-only model that it was tuned from (--base)`,
    );
  }
  const sets = await askBoth(context, base);
  const figures = sets.map(({ name, facts }) => ({ name, ...figuresOf(facts, seed) }));
  return {
    n: sets.reduce((sum, { facts }) => sum + facts.length, 0),
    table: figures.map(({ name, base, tuned, lost, forgotten, learnt }) => ({
      set: name,
      n: base.n,
      "base LLM": estimateText(base, 1),
      "tuned decoder": estimateText(tuned, 1),
      "points lost": estimateText(lost, 1),
      forgotten: estimateText(forgotten, 1),
      learnt: estimateText(learnt, 1),
    })),
    findings: figures.map(({ name, lost, forgotten, learnt, base: { n } }) =>
      verdict(
        lost,
        `tuning costs what the LLM knew in text (${name}, n = ${n}: ${estimateText(forgotten, 1)}% right in the base LLM alone, ${estimateText(learnt, 1)}% in the tuned decoder alone)`,
      ),
    ),
    plots: [
      {
        name: "forgetting",
        title: "Questions that need no image",
        mark: "dot",
        x: { label: "questions" },
        y: { label: "right, %", domain: [0, 100] },
        series: (["base", "tuned"] as const).map((side) => ({
          label: side === "base" ? `base LLM (${base.id})` : "tuned decoder without an image",
          points: figures.map((figure) => ({ x: figure.name, ...figure[side] })),
        })),
      },
    ],
  };
}

async function askBoth(
  context: Pick<AnalysisContext, "model" | "data" | "signal" | "progress" | "keep">,
  base: TextModel,
): Promise<FactSet[]> {
  const { model, data, signal } = context;
  const sets = await questionSets(data);
  const total = 2 * sets.reduce((sum, { questions }) => sum + questions.length, 0);
  const step = counted(context, total);
  const asked: FactSet[] = [];
  for (const set of sets) {
    const asking = { image: () => null };
    const tuned = await askSet(context, set, asking, step);
    const facts: Fact[] = [];
    for (const answer of tuned) {
      const { question } = answer;
      const request = requestFor(question, data, set.maxTokens, asking);
      const said = await baseAnswer(model, base, { ...request, signal });
      const score = question.score(said, { rule: set.rule, verdict: null });
      const cluster = question.image;
      facts.push({ cluster, base: score.outcome === "right", tuned: isRight(answer) });
      step();
    }
    asked.push({ name: set.name, facts });
  }
  return asked;
}

async function questionSets(data: AnalysisData): Promise<QuestionSet[]> {
  const described: QuestionSet[] = [];
  for (const file of [FILES.reading, FILES.direct]) {
    if (data.has(file)) described.push(...(await describedQuestions(data, file)));
  }
  return [await usualColours(data, FILES.colours), ...described];
}

function figuresOf(facts: readonly Fact[], seed: number) {
  const clusterOf = ({ cluster }: Fact) => cluster;
  const share = (isHit: (fact: Fact) => boolean): Estimate =>
    shareEstimate(facts, clusterOf, isHit, { seed });
  const sides = facts.flatMap(({ cluster, ...sides }) =>
    (["base", "tuned"] as const).map((side) => ({ cluster, side, isRight: sides[side] })),
  );
  const of = (side: "base" | "tuned") => sides.filter((one) => one.side === side);
  return {
    base: share(({ base }) => base),
    tuned: share(({ tuned }) => tuned),
    lost: {
      ...shareDifference(
        of("tuned"),
        of("base"),
        ({ cluster }) => cluster,
        ({ isRight }) => isRight,
        { seed },
      ),
      n: facts.length,
    },
    forgotten: share(({ base, tuned }) => base && !tuned),
    learnt: share(({ base, tuned }) => tuned && !base),
  };
}
