/**
 * Why a model said what it said, and which of its words can be trusted.
 *
 * @example
 * ```ts
 * // Tells of each word of an answer how much the picture and how much the language speak for it.
 * import { load, loadTextModel } from "groundsight";
 * import { explainAnswer } from "groundsight/diagnose";
 *
 * const [image = "photo.jpg", prompt = "Describe this image briefly."] = process.argv.slice(2);
 * await using model = await load("pocket");
 * await using base = await loadTextModel("pocket-base"); // the text-only model that it was tuned from
 * const { answer, tokens } = await explainAnswer(model, { image, prompt }, { base });
 * console.log(answer);
 * for (const { start, end, probability, imageless, base: untuned } of tokens) {
 *   const word = answer.slice(start, end).trim();
 *   const nats = imageless?.difference.toFixed(1); // above 0: the picture speaks for the word
 *   console.log(word, probability.toFixed(2), nats, untuned?.rank, untuned?.shift);
 * }
 * ```
 * @module groundsight/diagnose
 */
export type {
  BaseView,
  Cause,
  Explanation,
  ExplanationBase,
  LikelyToken,
  OtherView,
  PatchMap,
  PhraseEvidence,
  PhraseKind,
  Shift,
  TokenEvidence,
} from "./contract/explanation.js";
export {
  type DemonstrationKind,
  type DemonstrationOptions,
  type DemonstrationRow,
  type Demonstrations,
  makeDemonstrations,
  type TrueCaption,
} from "./demonstrations/make-demonstrations.js";
export { explainAnswer } from "./evidence/explain-answer.js";
export type { AssessedAnswer, ExplainOptions, ExplainRequest } from "./evidence/explain-request.js";
export type { IndexFacts, Neighbour } from "./samples/index-database.js";
export { readTuningSamples, type TuningSample } from "./samples/read-samples.js";
export {
  type BuildIndexOptions,
  type BuiltIndex,
  buildIndex,
  openIndex,
  type SampleIndex,
} from "./samples/sample-index.js";
