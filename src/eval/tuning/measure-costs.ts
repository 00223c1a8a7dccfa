import { join } from "node:path";
import { AbortedError } from "../../errors.js";
import { type Method, type Model, median } from "../../index.js";
import type { RunSet } from "../run/plan-run.js";
import type { TunedSetting } from "./tuned-setting.js";

/** What a setting costs and how good it is, among those that were tried. */
export interface SettingCost {
  /** As in `TunedSetting.tried`, or `regular`. */
  readonly name: string;
  /** Mean place among the tried; null for `regular`, which is not one of them. */
  readonly rank: number | null;
  /** Time of a whole answer relative to that of `regular`, what is generated beforehand included; median over questions. */
  readonly ratio: number;
  /** Whether no other tried setting is both as good and as cheap, and better in one of the two. */
  readonly onFrontier: boolean;
}

/** How costs are measured. */
export interface MeasureCostsOptions {
  /** Questions, each about another image where there are so many; default 8. */
  readonly questions?: number;
  /** Text behind every prompt, as in the run. */
  readonly promptSuffix?: string;
  readonly signal?: AbortSignal;
}

/** Ratios nearer than this are not told apart: times are noisy. */
const ALIKE = 0.05;

/**
 * Measures what the settings of a tuning cost beside `regular`, and tells which of them lie on the frontier of cost and
 * quality. For each question the image is encoded first; then every method answers it once, greedily and alone, in turns
 * of order, so that a disturbance of the machine meets all alike. What a method prepares for an image counts, as each
 * question is about another one.
 *
 * @param candidates by the names in `tuned.tried`, with `regular` among them
 */
export async function measureCosts(
  model: Pick<Model, "generate">,
  tuned: Pick<TunedSetting, "tried">,
  sets: readonly RunSet[],
  candidates: ReadonlyMap<string, Method>,
  { questions = 8, promptSuffix = "", signal }: MeasureCostsOptions = {},
): Promise<SettingCost[]> {
  const names = [...candidates.keys()];
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (const [round, asked] of spread(sets, questions).entries()) {
    const { set, question } = asked;
    const request = {
      prompt: question.prompt + promptSuffix,
      maxTokens: set.maxTokens,
      ...(question.image === null ? {} : { image: join(set.images, question.image) }),
      ...(signal === undefined ? {} : { signal }),
    };
    await model.generate({ ...request, maxTokens: 1 });
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      if (signal?.aborted === true) throw new AbortedError("stopped while costs were measured");
      const start = performance.now();
      await model.generate({ ...request, method: candidates.get(name)! });
      times.get(name)!.push(performance.now() - start);
    }
  }
  const reference = times.get("regular")!;
  const ratioOf = (name: string) =>
    median(times.get(name)!.map((ms, i) => ms / reference[i]!)) ?? Number.NaN;
  const ranks = new Map(tuned.tried.map(({ name, rank }) => [name, rank]));
  const costs = names.map((name) => ({
    name,
    rank: ranks.get(name) ?? null,
    ratio: name === "regular" ? 1 : ratioOf(name),
  }));
  return costs.map((one) => ({ ...one, onFrontier: isOnFrontier(one, costs) }));
}

interface Cost {
  readonly name: string;
  readonly rank: number | null;
  readonly ratio: number;
}

function isOnFrontier(one: Cost, all: readonly Cost[]): boolean {
  if (one.rank === null) return false;
  return !all.some((other) => {
    if (other.rank === null || other === one) return false;
    const isCheaper = other.ratio < one.ratio * (1 - ALIKE);
    const isNoDearer = other.ratio <= one.ratio * (1 + ALIKE);
    const isBetter = other.rank < one.rank!;
    return other.rank <= one.rank! && isNoDearer && (isBetter || isCheaper);
  });
}

/** Questions from all over the sets, in turns of set, about images of their own as far as there are. */
function spread(sets: readonly RunSet[], count: number) {
  const perSet = sets.map((set) => {
    const seen = new Set<string | null>();
    const distinct = set.questions.filter(({ image }) => !seen.has(image) && seen.add(image));
    const wanted = Math.max(1, Math.ceil(count / sets.length));
    const step = Math.max(1, Math.floor(distinct.length / wanted));
    return distinct.filter((_, i) => i % step === 0).map((question) => ({ set, question }));
  });
  const longest = Math.max(0, ...perSet.map(({ length }) => length));
  const turns = Array.from({ length: longest }, (_, i) => perSet.flatMap((own) => own[i] ?? []));
  return turns.flat().slice(0, count);
}
