import { InvalidArgumentError } from "../errors.js";
import { endpointAnswerer } from "./endpoint/endpoint-answerer.js";
import { requireAskable } from "./endpoint/endpoint-methods.js";
import type { ChatEndpoint } from "./endpoint/openai-endpoint.js";
import { answerAndReport, type EvaluationRequest, requireAnswerable } from "./evaluation.js";
import type { Prices } from "./report/endpoint-figures.js";
import type { RunAnalysis } from "./report/run-analysis.js";
import { seriesSettings } from "./run/plan-series.js";

/** Everything {@link evaluateEndpoint} needs besides an endpoint. */
export interface EndpointEvaluationRequest extends Omit<EvaluationRequest, "tuned"> {
  /** What tokens cost there, for the report; nothing is told of money by default. */
  readonly prices?: Prices;
}

/** Questions in the order of a run's answers: blocks of them go through all methods. */
const BLOCK = 8;

/**
 * Has a server answer benchmark sets, as `evaluate` has a model: answers are stored as they come, the same request goes on
 * where it was stopped, failed answers are stored as failed. Methods are `regular` and `verify({ mode: "drop" })`, which
 * asks the server about the objects of its own answers. Each request has a seed of its own, made of the run's seed and the
 * image. The margin of yes/no answers is kept where the server tells log-probabilities.
 *
 * @throws InvalidArgumentError before anything is asked, as `evaluate`, and for methods that an endpoint cannot be asked
 *   with, by name with the reason
 * @throws ModelLoadError when no question will be answered: the key, the model's name or the address is wrong, or nobody
 *   is there; what was stored stays
 * @throws DatasetError when the folder holds a run with other settings, or the disk is full
 * @throws AbortedError when the signal fires; what was stored stays
 */
export async function evaluateEndpoint(
  endpoint: ChatEndpoint,
  { prices, ...request }: EndpointEvaluationRequest,
): Promise<RunAnalysis> {
  requireAnswerable(request);
  seriesSettings(request.series, request.methods);
  requireAskable(request.methods);
  for (const price of prices === undefined ? [] : [prices.input, prices.output]) {
    if (Number.isFinite(price) && price >= 0) continue;
    throw new InvalidArgumentError(`prices: received ${price}; expected a number of at least 0`);
  }
  const { batchSize = BLOCK } = request;
  const respondent = {
    settings: { model: { id: endpoint.model, endpoint: endpoint.url } },
    answerer: endpointAnswerer.bind(null, endpoint),
    alone: false,
    prices,
  };
  // A block ends with its slowest answer: enough of them keep most requests under way.
  return answerAndReport(respondent, {
    ...request,
    batchSize: Math.max(batchSize, 2 * endpoint.concurrency),
  });
}
