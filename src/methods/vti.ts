import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type {
  LayerDirections,
  SteeringDirections,
  SteeringStrengths,
} from "../engine/directions.js";
import type { ActiveEdit, Method, RunModel } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import type { GraphEdit } from "../onnx/edits/graph-edit.js";
import { steeringEdit } from "../onnx/edits/steering.js";
import { carried, carriedSetting, editedRun, startChanged, withEdits } from "./carried.js";
import { LAYERS, layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import { regular } from "./regular.js";

/** Options of {@link vti}. */
export interface VtiOptions {
  /** Directions fitted on the model (`fitDirections`, or `groundsight steer fit`). */
  readonly directions: SteeringDirections;
  /** Alpha: strength in the vision tower; below 0 steers backwards. Default 0.4, the paper's, where there are directions for it. */
  readonly image?: number;
  /** Beta: strength in the decoder. Default as for `image`. */
  readonly text?: number;
  /** The decoder's layers that are steered, for example "16-31" or, for any depth, "16-31/32". Default: all. */
  readonly layers?: string;
  /** The method that decodes on the steered model. Default `regular()`. */
  readonly method?: Method;
}

const STRENGTH = { type: "number", min: Number.NEGATIVE_INFINITY, default: null } as const;
const SETTINGS = {
  directions: {
    type: "asset",
    default: null,
    flag: "steer",
    summary: "directions to steer along ('groundsight steer fit')",
  },
  image: {
    ...STRENGTH,
    flag: "steer-image",
    summary: "strength in the vision tower, 0.4 where not given",
  },
  text: {
    ...STRENGTH,
    flag: "steer-text",
    summary: "strength in the decoder, 0.4 where not given",
  },
  layers: { ...LAYERS, default: null },
  method: { type: "method", default: null, summary: "the method that decodes" },
} as const satisfies SettingsSchema;

/** The paper's alpha and beta. */
const DEFAULT_STRENGTH = 0.4;

/**
 * Visual and textual intervention: turns the output of every layer's MLP along fitted directions, in the vision tower
 * (away from what missing patches do to it) and in the decoder (towards true captions). Any method decodes on it.
 *
 *     x <- normalize(normalize(x) + 0.1 strength normalize(d)) |x|
 *
 * @throws InvalidArgumentError for unknown options, missing directions or a strength that is no number; when an answer
 *   starts, for directions of another model
 * @see Liu et al. 2025 (arXiv 2410.15778), section 4
 */
export function vti(options: VtiOptions): Method {
  const { directions, method = regular() } = options;
  if (typeof directions?.modelHash !== "string") {
    throw new InvalidArgumentError(
      "vti needs directions: give --steer <file>; make one with 'groundsight steer fit' or fitDirections()",
    );
  }
  if (directions.image === undefined && directions.text === undefined) {
    throw new InvalidArgumentError(
      "directions: they hold none for the vision tower or the decoder to be steered along; make some with 'groundsight steer fit' or fitDirections()",
    );
  }
  const given = checkSettings("vti", SETTINGS, options);
  const strengths = {
    image: given.image ?? (directions.image === undefined ? 0 : DEFAULT_STRENGTH),
    text: given.text ?? (directions.text === undefined ? 0 : DEFAULT_STRENGTH),
  };
  const { layers } = given;
  const edits = steeringEdits(directions, strengths, layers);
  const id = directionsId(directions);
  return {
    name: "vti",
    settings: { directions: id, ...strengths, layers, method: carriedSetting(method) },
    ...carried(method, edits),
    assets: { ...method.assets, [id]: directions },
    async start(run) {
      await requireModel(run.model, directions);
      const name = `vti ${id} ${strengths.image} ${strengths.text} ${layers}`;
      const edited = editedRun(run, edits, name);
      return startChanged(method, edited, (session) => withEdits(session, edits));
    },
  };
}

/**
 * The edits that steer along directions; none for a strength of 0.
 *
 * @param layers of the decoder, as {@link layerRange} reads them; all where null
 * @throws InvalidArgumentError for a strength of a part that the directions lack, and for a text that names no layers
 */
export function steeringEdits(
  { image, text }: SteeringDirections,
  strengths: Required<SteeringStrengths>,
  layers: string | null = null,
): ActiveEdit[] {
  return [
    ...activeEdit("image", "vision", image, strengths.image, null),
    ...activeEdit("text", "decoder", text, strengths.text, layers),
  ];
}

/** SHA-256 over the directions' numbers and the model they belong to, in hex. */
export function directionsId(directions: SteeringDirections): string {
  const known = IDS.get(directions);
  if (known !== undefined) return known;
  const hash = sha256.create();
  const { modelHash, image, text, subspace } = directions;
  for (const part of [image, text]) {
    const { layers, positions, width, data } = part ?? NO_DIRECTIONS;
    hash.update(new TextEncoder().encode(`${modelHash} ${layers} ${positions} ${width} `));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  if (subspace !== undefined) {
    const { layers, rank, width, data } = subspace;
    hash.update(new TextEncoder().encode(`subspace ${layers} ${rank} ${width} `));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const id = bytesToHex(hash.digest());
  IDS.set(directions, id);
  return id;
}

const NO_DIRECTIONS: LayerDirections = {
  layers: 0,
  positions: 0,
  width: 0,
  data: new Float32Array(0),
};
const IDS = new WeakMap<SteeringDirections, string>();

/** Directions are made into an edit of each set of layers once: streams that share it share runs, whatever their strengths. */
const EDITS = {
  vision: new WeakMap<LayerDirections, Map<string | null, GraphEdit>>(),
  decoder: new WeakMap<LayerDirections, Map<string | null, GraphEdit>>(),
};

function activeEdit(
  part: "image" | "text",
  graph: "vision" | "decoder",
  directions: LayerDirections | undefined,
  strength: number,
  layers: string | null,
): ActiveEdit[] {
  const only = layers === null ? undefined : layerRange("layers", layers);
  if (strength === 0) return [];
  if (directions === undefined) {
    throw new InvalidArgumentError(
      `strength of ${part}: received ${strength}, but the directions have none for it; fit them with ${part} directions`,
    );
  }
  const known = EDITS[graph].get(directions) ?? new Map<string | null, GraphEdit>();
  EDITS[graph].set(directions, known);
  const edit = known.get(layers) ?? steeringEdit(graph, directions, only);
  known.set(layers, edit);
  return [{ edit, strength }];
}

/** @throws InvalidArgumentError when directions were fitted on another model */
export async function requireModel(
  model: Pick<RunModel, "id" | "hash">,
  { modelHash }: SteeringDirections,
): Promise<void> {
  const hash = await model.hash();
  if (hash === modelHash) return;
  throw new InvalidArgumentError(
    `directions: fitted on a model with hash ${modelHash.slice(0, 12)}, received ${model.id} with hash ${hash.slice(0, 12)}; fit directions on this model`,
  );
}

/** See {@link vti}. */
export const VTI: MethodEntry = {
  name: "vti",
  summary:
    "visual and textual intervention: layers steered along fitted directions; may carry another method",
  paper: "Liu et al. 2025 (arXiv 2410.15778)",
  cost: "1 stream on patched graphs; directions fitted beforehand",
  settings: SETTINGS,
  create: (options) => vti(options as VtiOptions),
};
