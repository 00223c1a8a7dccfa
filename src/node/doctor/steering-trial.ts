import type { Backend } from "../../engine/backend.js";
import type { ImageSource } from "../../engine/conversation.js";
import type {
  LayerDirections,
  LayerSubspaces,
  SteeringDirections,
} from "../../engine/directions.js";
import { GroundsightError } from "../../errors.js";
import { SeededRandom } from "../../math/seeded-random.js";
import type { GraphFacts } from "./graph-facts.js";

/** Random directions of the model's own sizes, and why a part has none. */
export interface TrialDirections {
  readonly directions: SteeringDirections;
  readonly lacking: readonly string[];
}

/** Vectors of a layer that the trial projects out: as many as `nullu` does by default. */
const SUBSPACE_RANK = 4;

/** Directions to try steering with: they say nothing, but have the shapes of fitted ones. */
export async function trialDirections(
  backend: Backend,
  image: ImageSource,
  graphs: { readonly vision: GraphFacts; readonly decoder: GraphFacts },
): Promise<TrialDirections> {
  const lacking: string[] = [];
  let tower: LayerDirections | undefined;
  let text: LayerDirections | undefined;
  if (!backend.offers.edits.has("residual")) lacking.push("its graphs cannot be patched");
  else {
    const { layers } = graphs.decoder;
    if (typeof layers === "string") lacking.push(`decoder: ${layers}`);
    else text = directionsOf(layers.count, 1, layers.width);
    const own = graphs.vision.layers;
    if (typeof own === "string") lacking.push(`vision encoder: ${own}`);
    // Hidden states, from which directions are fitted, are read of both graphs or of none.
    else if (text !== undefined) {
      try {
        const positions = await towerPositions(backend, image);
        tower = directionsOf(own.count, positions, own.width);
      } catch (error) {
        if (!GroundsightError.isInstance(error)) throw error;
        lacking.push(`vision encoder: ${error.message}`);
      }
    }
  }
  const directions = {
    modelHash: await backend.hash(),
    ...(tower === undefined ? {} : { image: tower }),
    ...(text === undefined ? {} : { text, subspace: subspaceOf(text) }),
    facts: {},
  };
  return { directions, lacking };
}

async function towerPositions(backend: Backend, image: ImageSource): Promise<number> {
  const probe = await backend.probe([]);
  try {
    return (await probe.visionStates(await probe.pixels(image))).positions;
  } finally {
    await probe.dispose();
  }
}

function directionsOf(layers: number, positions: number, width: number): LayerDirections {
  const data = new SeededRandom(0, "doctor").gaussians(layers * positions * width);
  return { layers, positions, width, data: Float32Array.from(data) };
}

/** Orthonormal vectors to try projecting out: the first axes of each layer's space. */
function subspaceOf({ layers, width }: LayerDirections): LayerSubspaces {
  const rank = Math.min(SUBSPACE_RANK, width);
  const data = new Float32Array(layers * rank * width);
  for (let row = 0; row < layers * rank; row++) data[row * width + (row % rank)] = 1;
  return { layers, rank, width, data };
}
