import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method, MethodRun, MethodSession } from "../engine/method.js";
import { type View, withoutImages } from "../engine/view.js";
import { hiddenStatesEdit } from "../onnx/edits/hidden-states.js";
import { requestSteeringEdit } from "../onnx/edits/request-steering.js";
import { stackedExits } from "../onnx/edits/stacked-exits.js";
import { unitDirections } from "../onnx/edits/steering.js";
import {
  carried,
  carriedSetting,
  editedRun,
  scoredBehind,
  startChanged,
  withEdits,
} from "./carried.js";
import { LAYERS, layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import { regular } from "./regular.js";

/** Options of {@link vista}. */
export interface VistaOptions {
  /**
   * Strength of the steering along what the image adds, at least 0; 0 leaves it out. Default 0.1, the authors'; they took
   * 0.17 for captions, 0.1 for MMHal and 0.01 for POPE.
   */
  readonly lambda?: number;
  /** The decoder's layers that are steered, for example "16-31" or, for any depth, "16-31/32". Default: all. */
  readonly layers?: string;
  /** Share of the early layers' logits in the scores, in [0, 1]; 0 leaves them out. Default 0.3, the authors'. */
  readonly gamma?: number;
  /**
   * The early exits whose logits are averaged, for example "26-31"; see {@link layerRange}. Default "26-31/32", the
   * authors', who count them from 0 (25 to 30).
   */
  readonly exits?: string;
  /** The method that decodes on the steered model. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  lambda: { type: "number", min: 0, default: 0.1, summary: "strength of the steering by request" },
  layers: { ...LAYERS, default: null },
  gamma: { type: "number", min: 0, max: 1, default: 0.3, summary: "share of early layers' logits" },
  exits: {
    type: "text",
    default: "26-31/32",
    summary: "the early layers whose logits are averaged",
  },
  method: { type: "method", default: null, summary: "the method that decodes" },
} as const satisfies SettingsSchema;

/**
 * VISTA: steers each answer along what its image adds to the hidden states of its prompt, and mixes in what early layers
 * would say (self-logits augmentation). Any method decodes on it; its scores are what is mixed with.
 *
 *     v_l = h_l(prompt with images) - h_l(prompt without),  at the last token, behind each layer l
 *     x <- |x| normalize(normalize(x) + lambda (1 + max(0, cos(x, -v_l))) normalize(v_l)),  x the output of the layer's MLP
 *     scores = (1 - gamma) l + gamma mean_i head(h_i),  over early layers i, without the final norm
 *
 * The two halves are switched off by lambda 0 and gamma 0. The mean is taken of the hidden states: for a linear head the
 * same, and one row of it.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Li et al. 2025 (arXiv 2502.03628), section 4
 */
export function vista(options: VistaOptions = {}): Method {
  const { lambda, layers, gamma, exits } = checkSettings("vista", SETTINGS, options);
  const { method = regular() } = options;
  const edit = requestSteeringEdit(layers === null ? undefined : layerRange("layers", layers));
  const early = stackedExits(layerRange("exits", exits), { norm: "none", isMean: true });
  const inherited = carried(method, [
    ...(lambda === 0 ? [] : [{ edit }]),
    ...(gamma === 0 ? [] : [early]),
  ]);
  const augmented = (session: MethodSession): MethodSession =>
    gamma === 0
      ? session
      : scoredBehind(session, [{ edit: early.edit, strength: 1 }], (scores, readings) =>
          mixed(scores, readings[early.logits]!, gamma),
        );
  return {
    name: "vista",
    settings: { lambda, layers, gamma, exits, method: carriedSetting(method) },
    ...inherited,
    needs: { ...inherited.needs, ...(lambda === 0 ? {} : { image: true }) },
    async start(run) {
      if (lambda === 0) return startChanged(method, run, augmented);
      const values = await imageDirections(run);
      const edits = [{ edit, strength: lambda, values }];
      const name = `vista ${lambda} ${layers}`;
      const edited = editedRun(run, edits, name);
      return startChanged(method, edited, (session) => augmented(withEdits(session, edits)));
    },
  };
}

/** (1 - gamma) l + gamma early (V), in the array of l. */
function mixed(scores: Float32Array, early: Float32Array, gamma: number): Float32Array {
  for (let i = 0; i < scores.length; i++) {
    scores[i] = (1 - gamma) * scores[i]! + gamma * early[i]!;
  }
  return scores;
}

/** v of each layer, of unit length (L, W): what the images add at the last token of the prompt. Made once for a prompt. */
function imageDirections(run: MethodRun): Promise<Float32Array> {
  return run.remember(
    `vista directions/${JSON.stringify(run.view)}`,
    async () => {
      const [seen, blind] = await Promise.all(
        [run.view, withoutImages(run.view)].map((view) => lastStates(run, view)),
      );
      const width = seen!.length / run.model.layers;
      return unitDirections(
        seen!.map((value, i) => value - blind![i]!),
        width,
      );
    },
    ({ byteLength }) => byteLength,
  );
}

/** The states behind each layer at the last token of a prompt: (L, W), the last one before the final norm. */
async function lastStates(run: MethodRun, view: View): Promise<Float32Array> {
  const layers = Array.from({ length: run.model.layers }, (_, i) => i + 1);
  const edit = hiddenStatesEdit("decoder", { layers, positions: "last", last: "raw" });
  let states = new Float32Array(0);
  await run.generate(
    { view, edits: [{ edit, strength: 1 }] },
    {
      maxTokens: 1,
      onPosition(_logits, _token, readings) {
        if (states.length > 0) return;
        const rows = layers.map((layer) => readings![`hidden.${layer}`]!);
        const width = rows[0]!.length;
        states = new Float32Array(layers.length * width);
        rows.forEach((row, i) => {
          states.set(row, i * width);
        });
      },
    },
  );
  return states;
}

/** See {@link vista}. */
export const VISTA: MethodEntry = {
  name: "vista",
  summary:
    "layers steered along what the image adds, early layers' logits mixed in; may carry another method",
  paper: "Li et al. 2025 (arXiv 2502.03628)",
  cost: "1 stream on a patched graph, the head once more, the prompt read with and without its images beforehand",
  settings: SETTINGS,
  create: vista,
};
