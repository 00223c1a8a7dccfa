/**
 * Why a model said what it said, and which of its words can be trusted.
 *
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
