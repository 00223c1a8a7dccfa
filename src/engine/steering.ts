import type { Tensor } from "onnxruntime-common";
import { InvalidArgumentError, ShapeError, UnsupportedCapabilityError } from "../errors.js";
import { STEERING_INPUTS, unitDirections } from "../onnx/edits/steering.js";
import type { JsonValue } from "./method.js";
import type { ModelParts, SteerableGraph } from "./model-parts.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/** Directions for the layers of one graph, of any length: only where they point counts. */
export interface LayerDirections {
  readonly layers: number;
  /** 1 for a direction per layer (decoder), or one per image position (vision tower). */
  readonly positions: number;
  readonly width: number;
  /** (layers, positions, width) */
  readonly data: Float32Array;
}

/** Directions that steer a model, fitted on that model. */
export interface SteeringDirections {
  /** `Model.hash()` of the model they belong to. */
  readonly modelHash: string;
  /** For the vision tower, when fitted. */
  readonly image?: LayerDirections;
  /** For the decoder, when fitted. */
  readonly text?: LayerDirections;
  /** How they were fitted, and what was found. */
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/** How strongly to steer. The paper's value is 0.4 for both; 0 leaves a part as it is, below 0 steers backwards. */
export interface SteeringStrengths {
  /** Alpha of the vision tower. Default 0. */
  readonly image?: number;
  /** Beta of the decoder. Default 0. */
  readonly text?: number;
}

/** Steering of one graph's runs. */
export interface GraphSteering {
  readonly directions: Tensor;
  readonly strength: number;
}

/** The inputs that steer a run of `rows` rows; none for a graph that is not steered. */
export function steeringFeeds(
  { Tensor }: Runtime,
  steering: GraphSteering | undefined,
  rows: number,
): Tensors {
  if (steering === undefined) return {};
  const strengths = new Float32Array(rows).fill(steering.strength);
  return {
    [STEERING_INPUTS.directions]: steering.directions,
    [STEERING_INPUTS.strengths]: new Tensor("float32", strengths, [rows]),
  };
}

/**
 * The parts of a steered handle: same checkpoint, patched graphs. The given parts are not touched and keep owning the sessions.
 *
 * @throws InvalidArgumentError for directions of another model, missing directions, or a strength that is no number
 * @throws ShapeError when directions do not fit the graph
 * @throws UnsupportedCapabilityError when the graphs cannot be patched
 */
export async function steeredParts(
  parts: ModelParts,
  directions: SteeringDirections,
  strengths: SteeringStrengths,
): Promise<ModelParts> {
  const { image = 0, text = 0 } = strengths;
  const hash = await parts.hash();
  if (directions.modelHash !== hash) {
    throw new InvalidArgumentError(
      `directions: fitted on a model with hash ${directions.modelHash.slice(0, 12)}, received ${parts.info.id} with hash ${hash.slice(0, 12)}; fit directions on this model`,
    );
  }
  const vision = await steer(parts, "vision", directions.image, checkStrength("image", image));
  const decoder = await steer(parts, "decoder", directions.text, checkStrength("text", text));
  return {
    ...parts,
    vision: vision === undefined ? parts.vision : { ...parts.vision, ...vision },
    decoder: decoder === undefined ? parts.decoder : { ...parts.decoder, ...decoder },
    info: { ...parts.info, steering: { image, text } },
    hash: () => steeredHash(hash, directions, { image, text }),
    release: async () => {},
  };
}

function checkStrength(name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError(`${name}: received ${value}; expected a finite number`);
}

async function steer(
  { patcher, runtime, info }: ModelParts,
  graph: "vision" | "decoder",
  directions: LayerDirections | undefined,
  strength: number,
): Promise<{ session: Session; steering: GraphSteering } | undefined> {
  if (strength === 0) return undefined;
  const part = graph === "vision" ? "image" : "text";
  if (directions === undefined) {
    throw new InvalidArgumentError(
      `strength of ${part}: received ${strength}, but the directions have none for it; fit them with ${part} directions`,
    );
  }
  if (patcher === undefined) {
    throw new UnsupportedCapabilityError(
      `model ${info.id}: its graphs cannot be patched, so it cannot be steered`,
    );
  }
  const { layers, positions, width, data } = directions;
  const steerable: SteerableGraph = await patcher.steerable(graph, positions);
  if (steerable.layers !== layers || steerable.width !== width) {
    throw new ShapeError(
      `${part} directions: received ${layers} layers of width ${width}; expected ${steerable.layers} of width ${steerable.width}, as the model has`,
    );
  }
  const unit = unitDirections(data, width);
  const tensor = new runtime.Tensor("float32", unit, [layers, positions, width]);
  return { session: steerable.session, steering: { directions: tensor, strength } };
}

/** SHA-256 over the model's hash, the directions in use and their strengths, in hex. */
async function steeredHash(
  modelHash: string,
  directions: SteeringDirections,
  strengths: Required<SteeringStrengths>,
): Promise<string> {
  const inUse = [
    strengths.image === 0 ? undefined : directions.image?.data,
    strengths.text === 0 ? undefined : directions.text?.data,
  ];
  const bytes = new Blob([
    JSON.stringify({ modelHash, strengths }),
    ...inUse.map((data) => new Float32Array(data ?? [])),
  ]);
  const digest = await crypto.subtle.digest("SHA-256", await bytes.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
