import { checkNames } from "../arguments/check-names.js";
import { integerIn, oneOf } from "../arguments/numbers.js";
import type { LayerSubspaces, SteeringDirections } from "../engine/directions.js";
import type { Model } from "../engine/model.js";
import type { Pooling } from "../engine/probe.js";
import { AbortedError, InvalidArgumentError } from "../errors.js";
import { componentsAbout } from "../math/principal-components.js";
import { textualDifference } from "./fit-directions.js";
import type { Demonstration } from "./fit-options.js";

/** Options of {@link fitSubspace}. */
export interface SubspaceOptions {
  /** Vectors of each layer, at least 1; a method may use fewer. Default 8, the authors', or as many as demonstrations. */
  readonly rank?: number;
  /** Which states of a caption are compared: the mean over its tokens, the default, or those at its last token. */
  readonly pooling?: Pooling;
  /** Told after each demonstration. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const OPTIONS = ["rank", "pooling", "onProgress", "signal"];
const RANK = 8;

/**
 * Fits what hallucinated captions span in a decoder's hidden states: of each layer, the first right singular vectors of
 * the differences of its states for true and hallucinated captions. They are not centred, so that the first one is close
 * to the mean difference.
 *
 *     D_l = [h_l(true) - h_l(hallucinated)]  (n, W) = U S V^T,   V_k = the first k columns of V
 *
 * The authors average states over the whole sequence, the prompt's tokens too; here it is the caption's tokens, as the
 * prompt's are equal for both captions.
 *
 * @param demonstrations at least 2; about 50 are usual, the same as for `fitDirections`
 * @returns directions with a `subspace`, for the method `nullu`; of layer l the state behind it
 * @throws InvalidArgumentError for unknown options, values out of range, too few demonstrations or equal captions
 * @see Yang et al. 2025 (arXiv 2412.13817), section 3.2
 */
export async function fitSubspace(
  model: Model,
  demonstrations: readonly Demonstration[],
  options: SubspaceOptions = {},
): Promise<SteeringDirections> {
  checkNames(options, OPTIONS, "fitSubspace has no option");
  const { length: count } = demonstrations;
  if (count < 2) {
    throw new InvalidArgumentError(`demonstrations: received ${count}; expected at least 2`);
  }
  const rank = integerIn("rank", options.rank ?? Math.min(RANK, count), 1, count);
  const pooling = oneOf("pooling", options.pooling ?? "mean", ["mean", "last"]);
  const same = demonstrations.findIndex(
    ({ caption, hallucinated }) => caption.trim() === hallucinated.trim(),
  );
  if (same >= 0) {
    throw new InvalidArgumentError(
      `demonstration ${same}: received two equal captions; expected a true and a hallucinated one`,
    );
  }
  const { rows, layers, width } = await collect(model, demonstrations, pooling, options);
  const { subspace, explained } = subspaceOf(rows, { layers, width, rank });
  return {
    modelHash: await model.hash(),
    subspace,
    facts: {
      model: model.info.id,
      dtype: model.info.dtype,
      ...(model.info.adapter === undefined ? {} : { adapter: model.info.adapter }),
      demonstrations: count,
      settings: { rank, pooling },
      subspace: { explained },
    },
  };
}

async function collect(
  model: Model,
  demonstrations: readonly Demonstration[],
  pooling: Pooling,
  { onProgress, signal }: SubspaceOptions,
) {
  const rows: Float32Array[] = [];
  let [layers, width] = [0, 0];
  const probe = await model.probe();
  try {
    for (const [i, demonstration] of demonstrations.entries()) {
      if (signal?.aborted)
        throw new AbortedError(`aborted after ${i} demonstrations`, { cause: signal.reason });
      const { difference, shape } = await textualDifference(probe, demonstration, { pooling });
      ({ layers, width } = shape);
      // The state of the embeddings is left out.
      rows.push(difference.slice(width));
      onProgress?.(i + 1, demonstrations.length);
    }
  } finally {
    await probe.dispose();
  }
  return { rows, layers: layers - 1, width };
}

/**
 * The first right singular vectors of each layer's differences.
 *
 * @param rows one per demonstration, (layers, width); not modified
 * @returns with them the share of the differences' squares that they hold, by layer
 */
export function subspaceOf(
  rows: readonly Float32Array[],
  { layers, width, rank }: Omit<LayerSubspaces, "data">,
): { readonly subspace: LayerSubspaces; readonly explained: readonly number[] } {
  const data = new Float32Array(layers * rank * width);
  const shares: number[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const own = rows.map((row) => row.subarray(layer * width, (layer + 1) * width));
    const { components, explained } = componentsAbout(own, new Float32Array(width), rank);
    components.forEach((vector, r) => {
      data.set(vector, (layer * rank + r) * width);
    });
    shares.push(explained.reduce((sum, share) => sum + share, 0));
  }
  return { subspace: { layers, rank, width, data }, explained: shares };
}
