import { groupBy } from "../../math/group-by.js";
import type { RunSet } from "../run/plan-run.js";
import type { RunSettings } from "../store/run-settings.js";
import type { StoredAnswer, StoredTiming } from "../store/stored-rows.js";
import type { EndpointFigures, MethodUsage } from "./run-analysis.js";

/** What a million tokens cost, in any currency. */
export interface Prices {
  /** Of prompts. */
  readonly input: number;
  /** Of answers. */
  readonly output: number;
}

const MILLION = 1e6;

/**
 * What the answers of a server took and show of it; null where no server answered.
 *
 * @param sets of the run
 */
export function endpointFigures(
  {
    settings,
    answers,
    timings,
  }: {
    readonly settings: RunSettings;
    readonly answers: readonly StoredAnswer[];
    readonly timings: readonly StoredTiming[];
  },
  sets: readonly RunSet[],
  prices: Prices | undefined,
): EndpointFigures | null {
  if (settings.model.endpoint === undefined) return null;
  const methods = [...new Set(settings.series.map(({ method }) => method))];
  const byMethod = groupBy(timings, ({ method }) => method);
  const told = groupBy(
    timings.filter(({ fingerprint }) => fingerprint !== undefined),
    ({ fingerprint }) => fingerprint!,
  );
  const yesNo = new Set(
    sets.flatMap(({ name, benchmark }) => (benchmark.kind === "yes-no" ? [name] : [])),
  );
  const asked = answers.filter(({ set, method }) => method === "regular" && yesNo.has(set));
  return {
    usage: methods.map((method) => usageOf(method, byMethod.get(method) ?? [], prices)),
    fingerprints: [...told].map(([value, { length }]) => ({ value, answers: length })),
    margins: {
      known: asked.filter(({ margin }) => margin !== undefined).length,
      answers: asked.length,
    },
    unseeded: timings.filter(({ unseeded }) => unseeded === true).length,
    unclear: timings.reduce((sum, { unclear = 0 }) => sum + unclear, 0),
    empty: answers.filter(({ text }) => text?.trim() === "").length,
  };
}

function usageOf(
  method: string,
  timings: readonly StoredTiming[],
  prices: Prices | undefined,
): MethodUsage {
  const sum = (of: (timing: StoredTiming) => number) =>
    timings.reduce((total, timing) => total + of(timing), 0);
  const isCounted = timings.every(({ promptTokens }) => promptTokens !== undefined);
  const promptTokens = isCounted ? sum((one) => one.promptTokens!) : null;
  const answerTokens = isCounted ? sum(({ tokens }) => tokens) : null;
  const price =
    prices === undefined || promptTokens === null || answerTokens === null
      ? null
      : (promptTokens * prices.input + answerTokens * prices.output) / MILLION;
  return {
    method,
    answers: timings.length,
    requests: sum(({ requests = 0 }) => requests),
    promptTokens,
    answerTokens,
    price,
  };
}
