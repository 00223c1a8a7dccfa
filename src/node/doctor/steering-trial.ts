import type { Backend } from "../../engine/backend.js";
import type { ImageSource } from "../../engine/conversation.js";
import type { LayerDirections, SteeringDirections } from "../../engine/directions.js";
import { GroundsightError } from "../../errors.js";
import { SeededRandom } from "../../math/seeded-random.js";
import type { GraphFacts } from "./graph-facts.js";

/** Random directions of the model's own sizes, and why a part has none. */
export interface TrialDirections {
  readonly directions: SteeringDirections;
  readonly lacking: readonly string[];
}

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
    ...(text === undefined ? {} : { text }),
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
