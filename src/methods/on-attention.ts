/** What methods share that change attention to the image and let any method decode on it. */
import type { ChoiceSetting, MethodSetting, TextSetting } from "../arguments/settings.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Method, MethodRun, MethodSession } from "../engine/method.js";
import type { GraphEdit } from "../onnx/edits/graph-edit.js";
import { carried, carriedSetting, editedRun, startChanged, withEdits } from "./carried.js";
import { regular } from "./regular.js";

/** Options that these methods share. */
export interface OnAttentionOptions {
  /**
   * Layers whose attention is changed, counted from 0, such as "5-18"; with "/32" behind them, those that are as deep as
   * these layers of 32.
   */
  readonly layers?: string;
  /** The method that decodes on it. Default `regular()`. */
  readonly method?: Method;
}

/** The setting `layers` with a default of its own. */
export function layersSetting<const Layers extends string>(
  layers: Layers,
): TextSetting & { readonly default: Layers } {
  return {
    type: "text",
    default: layers,
    summary: "layers whose attention is changed, counted from 0; a/32: as deep as in 32 layers",
  };
}

/** The setting `method`. */
export const CARRIED: MethodSetting = {
  type: "method",
  default: null,
  summary: "the method that decodes",
};

/** Whether scores are scaled, or numbers added to them whatever they are. */
export const FORM: ChoiceSetting & {
  readonly choices: readonly ["scaled", "added"];
  readonly default: "scaled";
} = {
  type: "choice",
  choices: ["scaled", "added"],
  default: "scaled",
  summary: "added: a number for each token, for devices whose attention gives no scores",
};

/** Whether the first token of an answer is predicted with changed attention. */
export const FIRST: ChoiceSetting & {
  readonly choices: readonly ["edited", "plain"];
  readonly default: null;
} = {
  type: "choice",
  choices: ["edited", "plain"],
  default: null,
  summary: "attention at the first token; by default as the authors' code has it",
};

/**
 * A method that decodes another one with attention changed in all its streams, those without images too: they have nothing
 * to attend to more, and share a lane with the others.
 *
 * @param edit switched on with this strength; 0 leaves the method as it is
 * @param session what becomes of the carried method's session, before its streams are edited
 */
export function onAttention(
  name: string,
  settings: Readonly<Record<string, JsonValue>>,
  method: Method = regular(),
  { edit, strength }: { readonly edit: GraphEdit; readonly strength: number },
  session: (inner: MethodSession, run: MethodRun) => MethodSession = (inner) => inner,
): Method {
  const isActive = strength !== 0;
  const edits = isActive ? [{ edit, strength }] : [];
  const taken = carried(method, edits);
  return {
    name,
    settings: { ...settings, method: carriedSetting(method) },
    ...taken,
    needs: { ...taken.needs, image: true },
    async start(run) {
      const changed = isActive ? editedRun(run, edits, `${name} ${JSON.stringify(settings)}`) : run;
      return startChanged(method, changed, (inner) => withEdits(session(inner, run), edits));
    },
  };
}
