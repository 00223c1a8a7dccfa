import type { SettingsSchema } from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  Estimate,
  Findings,
  Plot,
  TableRow,
} from "../contract/analysis.js";
import { shareDifference, shareEstimate } from "../statistics/cluster-estimate.js";
import {
  askSet,
  imageOf,
  isRight,
  type QuestionSet,
  questionSet,
  type ScoredAnswer,
} from "./ask-set.js";
import { counted } from "./counted.js";
import { against, estimateText } from "./estimate-text.js";
import { verdict } from "./verdict.js";
import { WORDINGS, type Wording } from "./wordings.js";

const SETTINGS = {
  temperature: {
    type: "number",
    min: 0.01,
    default: 1,
    summary: "at which a question is asked twice",
  },
} as const satisfies SettingsSchema;

/** What there is, colours, places; those that a folder has. */
const FILES = ["pope_adversarial.jsonl", "colours.jsonl", "relations.jsonl"];

type Kind = Wording["kind"] | "twice";

/** Two answers to one question. */
interface Pair {
  readonly first: ScoredAnswer;
  readonly second: ScoredAnswer;
  /** Whether the greedy answer to the question as it stands is right. */
  readonly isRight: boolean;
}

/** A set of questions with a second way to ask them. */
interface Asked {
  readonly set: string;
  readonly kind: Kind;
  readonly name: string;
  readonly pairs: readonly Pair[];
}

/** Chou et al. 2024 and others: whether a model agrees with itself. */
export const consistency: Analysis = {
  name: "consistency",
  summary:
    "whether the same question gets the same answer in other words, negated, and asked twice",
  paper:
    "Chou et al. 2024 (MM-R3, arXiv 2410.04778): models answer the same question differently when it is put in other words. Manakul et al. 2023 (SelfCheckGPT, arXiv 2303.08896): what is made up changes from sample to sample, what is known does not.",
  needs: { model: true, files: [FILES[0]!] },
  settings: SETTINGS,
  limit: 60,
  run,
};

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const asked = await askAll(context);
  const { seed } = context;
  const changed = (kind: Kind) =>
    changes(
      asked.filter((one) => one.kind === kind),
      seed,
    );
  const [reworded, converse, negated, twice] = (
    ["reworded", "converse", "negated", "twice"] as const
  ).map(changed) as [Estimate, Estimate, Estimate, Estimate];
  return {
    n: new Set(asked.flatMap(({ pairs }) => pairs.map(({ first }) => first.question))).size,
    table: asked.map((one) => row(one, seed)),
    findings: [
      finding(reworded, "answers change in other words"),
      finding(converse, "answers change when the question is turned round"),
      finding(negated, "a question and its negation get the same answer"),
      finding(twice, "answers change from sample to sample"),
      ...unsureness(
        asked.filter(({ kind }) => kind === "twice").flatMap(({ pairs }) => pairs),
        seed,
      ),
    ].flatMap((text) => text ?? []),
    plots: [plot(asked, seed)],
  };
}

async function askAll(context: AnalysisContext<typeof SETTINGS>): Promise<Asked[]> {
  const { data, settings, seed } = context;
  const sets: QuestionSet[] = [];
  for (const file of FILES) {
    if (!data.has(file)) continue;
    // The first word alone decides, so that what is neither yes nor no is told apart.
    const rule = file === "colours.jsonl" ? undefined : "first-word";
    sets.push(await questionSet(data, file, rule));
  }
  const others = sets.flatMap((set) =>
    WORDINGS.flatMap(({ name, kind, put }) => {
      const questions = set.questions.filter(({ prompt }) => put(prompt) !== null);
      return questions.length === 0
        ? []
        : [{ of: set, name, kind, put, set: { ...set, questions } }];
    }),
  );
  const total =
    sets.reduce((sum, { questions }) => sum + 3 * questions.length, 0) +
    others.reduce((sum, { set }) => sum + set.questions.length, 0);
  const step = counted(context, total);
  const asked: Asked[] = [];
  for (const set of sets) {
    const greedy = await askSet(context, set, {}, step);
    const ofQuestion = new Map(greedy.map((answer) => [answer.question, answer]));
    for (const other of others.filter(({ of }) => of === set)) {
      const prompt = (question: { readonly prompt: string }) => other.put(question.prompt)!;
      const answers = await askSet(context, other.set, { prompt }, step);
      const pairs = answers.map((second) => pairOf(ofQuestion.get(second.question)!, second));
      asked.push({ set: set.name, kind: other.kind, name: other.name, pairs });
    }
    const drawn = (draw: number) => ({
      options: { temperature: settings.temperature, seed: 2 * seed + draw },
    });
    const one = await askSet(context, set, drawn(0), step);
    const two = await askSet(context, set, drawn(1), step);
    const pairs = one.map((first, i) => pairOf(first, two[i]!, greedy[i]!));
    asked.push({ set: set.name, kind: "twice", name: "asked twice, sampled", pairs });
  }
  return asked;
}

function pairOf(first: ScoredAnswer, second: ScoredAnswer, greedy: ScoredAnswer = first): Pair {
  return { first, second, isRight: isRight(greedy) };
}

/** Whether two answers cannot both be meant; what cannot be read agrees with nothing. */
function isChanged({ first, second }: Pair, kind: Kind): boolean {
  const [one, other] = [first.score.extracted, second.score.extracted];
  if (kind === "negated") return one !== null && one === other;
  return one === null || one !== other;
}

function changes(asked: readonly Asked[], seed: number): Estimate {
  const pairs = asked.flatMap(({ pairs, kind }) =>
    pairs.map((pair) => ({ image: imageOf(pair.first), changed: isChanged(pair, kind) })),
  );
  return shareEstimate(
    pairs,
    ({ image }) => image,
    ({ changed }) => changed,
    { seed },
  );
}

function row(asked: Asked, seed: number): TableRow {
  const { set, name, kind, pairs } = asked;
  const rate = changes([asked], seed);
  const right = (side: "first" | "second") =>
    shareEstimate(
      pairs.map((pair) => pair[side]),
      imageOf,
      isRight,
      { seed },
    );
  return {
    set,
    "asked again": name,
    n: pairs.length,
    inconsistent: estimateText(rate, 1),
    "right at first": estimateText(right("first"), 1),
    "right again": kind === "negated" ? "" : estimateText(right("second"), 1),
  };
}

/** Nothing where it was not asked. */
function finding(changed: Estimate, claim: string): string | null {
  if (changed.n === 0) return null;
  const told = `${estimateText(changed, 1)}% (n = ${changed.n})`;
  return against(changed, 0) === "agrees"
    ? `As in the papers, ${claim}: ${told}.`
    : `The papers found that ${claim}; here it is ${told}.`;
}

/** Whether questions whose greedy answer is wrong are answered more variously than the others. */
function unsureness(pairs: readonly Pair[], seed: number): string[] {
  const of = (right: boolean) => pairs.filter((pair) => pair.isRight === right);
  const [right, wrong] = [of(true), of(false)];
  if (right.length === 0 || wrong.length === 0) return [];
  const more = shareDifference(
    right,
    wrong,
    ({ first }) => imageOf(first),
    (pair) => isChanged(pair, "twice"),
    { seed },
  );
  return [
    verdict(
      more,
      `wrong answers (n = ${wrong.length}) change more often from sample to sample than right ones (n = ${right.length})`,
    ),
  ];
}

function plot(asked: readonly Asked[], seed: number): Plot {
  const kinds = [...new Set(asked.map(({ kind }) => kind))];
  const sets = [...new Set(asked.map(({ set }) => set))];
  return {
    name: "consistency",
    title: "Questions that are answered differently when they are asked again",
    mark: "dot",
    x: { label: "asked again" },
    y: { label: "inconsistent answers, %", domain: [0, 100] },
    series: sets.map((set) => ({
      label: set.replaceAll("_", " "),
      points: kinds.flatMap((kind) => {
        const some = asked.filter((one) => one.set === set && one.kind === kind);
        return some.length === 0 ? [] : [{ x: kind, ...changes(some, seed) }];
      }),
    })),
  };
}
