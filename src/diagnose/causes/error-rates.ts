import {
  type Interval,
  isJudged,
  metricIntervals,
  type Question,
  type RunSet,
  ratioMetric,
  type StoredAnswer,
} from "../../eval/index.js";

/** What an answer can be wrong about (survey of alignment, 2025). */
export type Dimension = "object" | "attribute" | "relation";

/** How often a method is wrong about something. */
export interface ErrorRate {
  readonly method: string;
  /** A dimension of misalignment, or a stage of what an answer takes. */
  readonly of: Dimension | NonNullable<Question["tag"]>;
  readonly wrong: number;
  /** Of phrases or answers that could be held against the truth. */
  readonly n: number;
  /** In percent, with the 95% interval of the bootstrap over images. */
  readonly percent: number;
  readonly interval: Interval | null;
  /** The sets that it was counted in. */
  readonly sets: readonly string[];
}

/** Something that is right or wrong. */
export interface Checked {
  readonly set: string;
  readonly method: string;
  readonly of: ErrorRate["of"];
  readonly image: string;
  readonly isWrong: boolean;
}

/** What the questions of a set are about, by its benchmark and group; null where nobody has said. */
export function dimensionOf(benchmark: string, group: string | null): Dimension | null {
  if (["pope", "dash-b", "unusual_existence"].includes(benchmark)) return "object";
  if (["colours", "counts"].includes(benchmark)) return "attribute";
  if (group === "existence") return "object";
  if (group === "attribute" || group === "relation") return group;
  if (benchmark !== "mme") return null;
  if (group === "count" || group === "color") return "attribute";
  return group === "position" ? "relation" : null;
}

/** Answers of sets that rules can score, by what they are about and by the stage that they take. */
export function checkedAnswers(set: RunSet, answers: readonly StoredAnswer[]): Checked[] {
  const { benchmark, rule } = set;
  if (benchmark.kind === "caption" || isJudged(benchmark, rule)) return [];
  const questions = new Map(set.questions.map((question) => [question.id, question]));
  return answers.flatMap(({ id, method, text, set: name }) => {
    const question = questions.get(id);
    const outcome = question?.score(text, { rule, verdict: null }).outcome ?? null;
    if (question === undefined || outcome === null) return [];
    const about = [dimensionOf(benchmark.name, question.group), question.tag ?? null];
    return about.flatMap((of) =>
      of === null
        ? []
        : [{ set: name, method, of, image: question.cluster, isWrong: outcome !== "right" }],
    );
  });
}

const RATE = ratioMetric({
  name: "wrong",
  title: "Wrong",
  unit: "percent",
  better: "lower",
  part: "wrong",
  whole: "all",
  undefinedReason: "nothing was checked",
});

/** Rates of what is wrong, by method and by what it is about, in the order in which these first occur. */
export function errorRates(checked: readonly Checked[], seed: number): ErrorRate[] {
  const groups = new Map<string, Checked[]>();
  for (const one of checked) {
    const key = JSON.stringify([one.of, one.method]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map((group) => {
    const counts = new Map<string, { wrong: number; all: number }>();
    for (const { image, isWrong } of group) {
      const own = counts.get(image) ?? { wrong: 0, all: 0 };
      counts.set(image, { wrong: own.wrong + (isWrong ? 1 : 0), all: own.all + 1 });
    }
    const wrong = group.filter(({ isWrong }) => isWrong).length;
    const { method, of } = group[0]!;
    return {
      method,
      of,
      wrong,
      n: group.length,
      percent: (100 * wrong) / group.length,
      interval: metricIntervals([...counts.values()], [RATE], { seed }).wrong ?? null,
      sets: [...new Set(group.map(({ set }) => set))],
    };
  });
}
