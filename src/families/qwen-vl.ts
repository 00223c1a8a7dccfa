import { z } from "zod";
import { WHOLE_PICTURE } from "../engine/feature-grid.js";
import type { TensorData } from "../engine/tensor-data.js";
import { InferenceError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, ProcessedImage } from "./family.js";
import { gridPositions } from "./grid-positions.js";
import { layOutImages } from "./image-prompt.js";
import {
  factsOf,
  namedToken,
  parseConfig,
  SIZE,
  TEXT_FIELDS,
  TOKEN_ID,
  TOKEN_IDS,
} from "./parse-config.js";
import { fromPatches, type PatchGeometry, type PatchGrid, toPatches } from "./patches.js";
import { madeTensor } from "./processor-output.js";

const CONFIG = z.looseObject({
  image_token_id: TOKEN_ID,
  vision_config: z.looseObject({
    patch_size: SIZE.optional(),
    spatial_merge_size: SIZE.optional(),
    temporal_patch_size: SIZE.optional(),
  }),
  eos_token_id: TOKEN_IDS,
  // Older files have these fields beside the others.
  text_config: z.looseObject(TEXT_FIELDS),
});

/** What sets the generations apart. */
interface Generation {
  readonly name: string;
  /** Values of `model_type`, where the name is not the only one. */
  readonly modelTypes?: readonly string[];
  /** Name of the vision encoder's input for frames, rows and columns of patches. */
  readonly gridInput: string;
  /** Side of a patch where the configuration leaves it out. */
  readonly patchSize: number;
}

/** An image's patches along both sides. */
type Qwen = ModelFamily<PatchGrid>;

/**
 * Qwen-VL: images in their own size, as patches with a grid; squares of patches become one token each; positions in three
 * planes. Images are processed one by one, since two of one size would be taken for two frames of a film.
 */
function qwenVl(generation: Generation): FamilyPlugin {
  return {
    name: generation.name,
    modelTypes: generation.modelTypes ?? [generation.name],
    configure: ({ config, tokenText }) => {
      const read = parseConfig(CONFIG, config);
      const { image_token_id: imageTokenId, vision_config: vision } = read;
      const imageToken = namedToken(imageTokenId, tokenText);
      const geometry: PatchGeometry = {
        patchSize: vision.patch_size ?? generation.patchSize,
        mergeSize: vision.spatial_merge_size ?? 2,
        frames: vision.temporal_patch_size ?? 2,
      };
      return {
        name: generation.name,
        facts: { ...factsOf(read), patchSize: geometry.patchSize },
        imageToken,
        process: async (processor, pixels) => {
          const made = await processor(pixels, {});
          const patches: TensorData = madeTensor(made, "pixel_values", 2);
          const grid: Grid = madeTensor(made, "image_grid_thw");
          return processed(patches, grid, geometry, generation.gridInput);
        },
        grids: ({ processed: { layout }, tokens }) => [
          { ...mergedGrid(layout, geometry, tokens), area: WHOLE_PICTURE },
        ],
        layOut(turns, images, tools) {
          const layout = layOutImages(turns, images, tools, imageTokenId);
          const grids = images.map((image, i) => ({
            start: layout.images[i]!.start,
            ...mergedGrid(image.processed.layout, geometry, image.tokens),
          }));
          return { ...layout, positions: gridPositions(layout.tokens.length, grids) };
        },
      } satisfies Qwen as ModelFamily;
    },
  };
}

type Grid = TensorData<BigInt64Array>;

/** The processor's patches with the image they show, so that it is the image that variants distort. */
function processed(
  patches: TensorData,
  grid: Grid,
  geometry: PatchGeometry,
  gridInput: string,
): ProcessedImage<PatchGrid> {
  const [frames, rows, columns] = [...grid.data].map(Number) as [number, number, number];
  if (frames !== 1 || grid.data.length !== 3) {
    throw new InferenceError(
      `the image processor made a grid of ${[...grid.data].join(" x ")} of one image; expected 1 x rows x columns`,
    );
  }
  const layout = { rows, columns };
  return {
    pixels: fromPatches(patches, layout, geometry),
    pixelsInput: "pixel_values",
    toInput: (pixels) => toPatches(pixels, geometry),
    inputs: { [gridInput]: { data: grid.data, dims: [1, 3] } },
    layout,
  };
}

/** Tokens along both sides of an image. */
function mergedGrid({ rows, columns }: PatchGrid, { mergeSize }: PatchGeometry, tokens: number) {
  const merged = { rows: rows / mergeSize, columns: columns / mergeSize };
  if (merged.rows * merged.columns === tokens) return merged;
  throw new InferenceError(
    `the vision encoder made ${tokens} tokens of ${rows} x ${columns} patches; expected ${merged.rows * merged.columns}, one for ${mergeSize} x ${mergeSize}; config.json or the graph is another checkpoint's`,
  );
}

/** @see Wang et al. 2024 (arXiv 2409.12191) */
export const qwen2Vl: FamilyPlugin = qwenVl({
  name: "qwen2_vl",
  gridInput: "grid_thw",
  patchSize: 14,
});

/** @see Bai et al. 2025 (arXiv 2502.13923) */
export const qwen25Vl: FamilyPlugin = qwenVl({
  name: "qwen2_5_vl",
  gridInput: "image_grid_thw",
  patchSize: 14,
});

/**
 * As its graphs for transformers.js are: features of the vision tower's inner layers (DeepStack) do not reach the decoder,
 * so that answers are not quite those of the original.
 *
 * @see Bai et al. 2025 (arXiv 2511.21631)
 */
export const qwen3Vl: FamilyPlugin = qwenVl({
  name: "qwen3_vl",
  // With experts in place of most layers' MLP.
  modelTypes: ["qwen3_vl", "qwen3_vl_moe"],
  gridInput: "image_grid_thw",
  patchSize: 16,
});

/**
 * Images and positions of Qwen3-VL, without DeepStack; most layers of the decoder are linear attention, with states of
 * fixed size in place of keys and values.
 *
 * @see Yang et al. 2024 (arXiv 2412.06464), on gated delta networks
 */
export const qwen35: FamilyPlugin = qwenVl({
  name: "qwen3_5",
  // With experts in place of each layer's MLP.
  modelTypes: ["qwen3_5", "qwen3_5_moe"],
  gridInput: "image_grid_thw",
  patchSize: 16,
});
