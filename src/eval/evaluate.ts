import { isDeepStrictEqual } from "node:util";
import { InvalidArgumentError } from "../errors.js";
import type { Method, Model } from "../index.js";
import { yesNoTokens } from "../objects/yes-no-tokens.js";
import {
  answerAndReport,
  asksYesNo,
  type EvaluationRequest,
  requireAnswerable,
} from "./evaluation.js";
import type { RunAnalysis } from "./report/run-analysis.js";
import type { Asking } from "./run/asking.js";
import { dependsOnBatch, modelAnswerer } from "./run/model-answerer.js";
import { seriesSettings } from "./run/plan-series.js";
import { requireUntuned, type TunedSetting, tunedMark } from "./tuning/tuned-setting.js";

/**
 * Has a model answer benchmark sets with several methods, stores each answer durably, and writes a report.
 * Called again with the same request it goes on where it was stopped. A question whose image cannot be read, or
 * whose answer fails, is stored and reported as failed; it stops nothing.
 *
 * @throws InvalidArgumentError before anything is asked, when a series names a method that is not among
 *   `methods`, a rule needs a judge and there is none, `temperature` or `topP` is out of range, a tuned setting is not
 *   that of its method, or questions are among those it was tuned on
 * @throws DatasetError when the folder holds a run with other settings, or the disk is full
 * @throws AbortedError when the signal fires; what was stored stays
 */
export async function evaluate(model: Model, request: EvaluationRequest): Promise<RunAnalysis> {
  const { sets, series, methods, tuned = [] } = request;
  requireAnswerable(request);
  seriesSettings(series, methods);
  requireUntuned(sets, tuned);
  requireTunedMethods(methods, tuned);
  const { id, dtype, adapter, device } = model.info;
  const hash = await model.hash();
  const tokens = asksYesNo(sets) ? await yesNoTokens((text) => model.encode(text)) : null;
  const respondent = {
    settings: {
      model: {
        id,
        hash,
        dtype,
        ...(adapter === undefined ? {} : { adapter }),
        ...(device === undefined ? {} : { device }),
      },
      ...(tokens === null ? {} : { yesNoTokens: tokens }),
      ...(tuned.length === 0
        ? {}
        : { tuned: Object.fromEntries(tuned.map((one) => [one.name, tunedMark(one)])) }),
    },
    answerer: ({ isYesNo, ...asking }: Asking) =>
      modelAnswerer(model, {
        ...asking,
        yesNoTokens: (question) => (isYesNo(question) ? tokens : null),
      }),
    alone: dependsOnBatch(model),
  };
  return answerAndReport(respondent, request);
}

/** What is marked as tuned must be what was chosen. */
function requireTunedMethods(
  methods: ReadonlyMap<string, Method>,
  tuned: readonly TunedSetting[],
): void {
  for (const { name, method } of tuned) {
    const own = methods.get(name);
    if (own !== undefined && isDeepStrictEqual(own.settings, method.settings)) continue;
    const received = own === undefined ? "no such method" : JSON.stringify(own.settings);
    throw new InvalidArgumentError(
      `tuned: ${name}: received ${received}; expected it with the settings ${JSON.stringify(method.settings)}`,
    );
  }
}
