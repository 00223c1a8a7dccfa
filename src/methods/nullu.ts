import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { LayerSubspaces, SteeringDirections } from "../engine/directions.js";
import type { ActiveEdit, Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import type { GraphEdit } from "../onnx/edits/graph-edit.js";
import { nullSpaceEdit } from "../onnx/edits/null-space.js";
import { carried, carriedSetting, editedRun, startChanged, withEdits } from "./carried.js";
import { LAYERS, layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import { regular } from "./regular.js";
import { directionsId, requireModel } from "./vti.js";

/** Options of {@link nullu}. */
export interface NulluOptions {
  /** A subspace fitted on the model (`fitSubspace`, or `groundsight steer subspace`). */
  readonly directions: SteeringDirections;
  /** Vectors of each layer that are projected out, from 1 to those fitted. Default 4, as in the authors' instructions. */
  readonly k?: number;
  /** Share of the projection; 1, the default, is the authors'. 0 leaves the model as it is. */
  readonly strength?: number;
  /** The decoder's layers that are changed, for example "16-31". Default "16-31/32": the deeper half. */
  readonly layers?: string;
  /** The method that decodes on the changed model. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  directions: {
    type: "asset",
    default: null,
    flag: "subspace",
    summary: "what is projected out ('groundsight steer subspace')",
  },
  k: { type: "integer", min: 1, default: 4, summary: "vectors of a layer that are projected out" },
  strength: { type: "number", min: 0, default: 1, summary: "share of the projection" },
  layers: { ...LAYERS, default: "16-31/32" },
  method: { type: "method", default: null, summary: "the method that decodes" },
} as const satisfies SettingsSchema;

/**
 * Nullu: projects what hallucinated captions span in the decoder's hidden states out of what its deeper layers' MLPs add.
 * Any method decodes on it.
 *
 *     x <- x - strength V_k V_k^T x
 *
 * The authors change the weights, W <- (I - V_k V_k^T) W, which is the same at strength 1 where an MLP's last layer has no
 * bias; here the stock graph stays, and any strength can be tried.
 *
 * @throws InvalidArgumentError for unknown options, a missing subspace or values out of range; when an answer starts, for
 *   a subspace of another model
 * @see Yang et al. 2025 (arXiv 2412.13817), section 3
 */
export function nullu(options: NulluOptions): Method {
  const { directions, method = regular() } = options;
  const subspace = directions?.subspace;
  if (typeof directions?.modelHash !== "string" || subspace === undefined) {
    throw new InvalidArgumentError(
      "nullu needs a subspace: give --subspace <file>; make one with 'groundsight steer subspace' or fitSubspace()",
    );
  }
  const { k, strength, layers } = checkSettings("nullu", SETTINGS, options);
  if (k > subspace.rank) {
    throw new InvalidArgumentError(
      `k: received ${k}; expected at most ${subspace.rank}, the vectors that were fitted of each layer`,
    );
  }
  const edit = editOf(subspace, k, layers);
  const edits: readonly ActiveEdit[] = strength === 0 ? [] : [{ edit, strength }];
  const id = directionsId(directions);
  return {
    name: "nullu",
    settings: { directions: id, k, strength, layers, method: carriedSetting(method) },
    ...carried(method, edits),
    assets: { ...method.assets, [id]: directions },
    async start(run) {
      await requireModel(run.model, directions);
      const name = `nullu ${id} ${k} ${strength} ${layers}`;
      const edited = editedRun(run, edits, name);
      return startChanged(method, edited, (session) => withEdits(session, edits));
    },
  };
}

/** A subspace is made into an edit once for each choice of vectors and layers, so that streams that share it share runs. */
const EDITS = new WeakMap<LayerSubspaces, Map<string, GraphEdit>>();

function editOf(subspace: LayerSubspaces, k: number, text: string): GraphEdit {
  const only = layerRange("layers", text);
  const known = EDITS.get(subspace) ?? new Map<string, GraphEdit>();
  EDITS.set(subspace, known);
  const key = `${k} ${text}`;
  const edit = known.get(key) ?? nullSpaceEdit(firstVectors(subspace, k), only);
  known.set(key, edit);
  return edit;
}

function firstVectors({ layers, rank, width, data }: LayerSubspaces, k: number): LayerSubspaces {
  const first = new Float32Array(layers * k * width);
  for (let layer = 0; layer < layers; layer++) {
    const from = layer * rank * width;
    first.set(data.subarray(from, from + k * width), layer * k * width);
  }
  return { layers, rank: k, width, data: first };
}

/** See {@link nullu}. */
export const NULLU: MethodEntry = {
  name: "nullu",
  summary:
    "what hallucinated captions span is projected out of deeper layers; may carry another method",
  paper: "Yang et al. 2025 (arXiv 2412.13817)",
  cost: "1 stream on a patched graph; a subspace fitted beforehand",
  settings: SETTINGS,
  create: (options) => nullu(options as NulluOptions),
};
