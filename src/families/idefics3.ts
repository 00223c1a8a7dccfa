import { z } from "zod";
import { type FeatureGrid, WHOLE_PICTURE } from "../engine/feature-grid.js";
import type { TensorData } from "../engine/tensor-data.js";
import { InferenceError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, ProcessedImage, PromptImage } from "./family.js";
import { squareCells, tileAreas } from "./feature-grids.js";
import { layOutImages, withFrames } from "./image-prompt.js";
import {
  factsOf,
  namedToken,
  parseConfig,
  SIZE,
  TEXT_FIELDS,
  TOKEN_ID,
  TOKEN_IDS,
} from "./parse-config.js";
import { madeNumber, madeTensor } from "./processor-output.js";
import { plainPositions } from "./shared-prompts.js";

const CONFIG = z.looseObject({
  image_token_id: TOKEN_ID,
  eos_token_id: TOKEN_IDS,
  vision_config: z.looseObject({ patch_size: SIZE.optional().catch(undefined) }).optional(),
  text_config: z.looseObject(TEXT_FIELDS),
});

const AROUND = "<fake_token_around_image>";
const WHOLE = "<global-img>";

/** Rows and columns that an image is cut into; 0 where it is not cut. */
interface Tiles {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Idefics3 and SmolVLM: an image is cut into tiles, each framed by tokens that name its place, with the whole image
 * behind them; plain positions.
 *
 * @see Laurençon et al. 2024 (arXiv 2408.12637), Marafioti et al. 2025 (arXiv 2504.05299)
 */
export const idefics3: FamilyPlugin = {
  name: "idefics3",
  modelTypes: ["idefics3", "smolvlm"],
  configure({ config, tokenText }): ModelFamily<Tiles> {
    const read = parseConfig(CONFIG, config);
    const imageTokenId = read.image_token_id;
    const imageToken = namedToken(imageTokenId, tokenText);
    return {
      name: "idefics3",
      facts: factsOf(read),
      imageToken,
      async process(processor, pixels) {
        const made = await processor(pixels, {});
        const layout = { rows: madeNumber(made, "rows"), columns: madeNumber(made, "columns") };
        return { ...visionInputs(madeTensor(made, "pixel_values", 5)), layout };
      },
      squares: {
        // The whole image stands behind its tiles.
        of({ pixels: { data, dims } }: ProcessedImage<Tiles>) {
          const [, tiles = 1, ...square] = dims;
          return { data: data.slice((data.length / tiles) * (tiles - 1)), dims: [1, ...square] };
        },
        inputs: ({ data, dims }) => visionInputs({ data, dims: [1, ...dims] }),
      },
      grids: tileGrids,
      layOut(turns, images, tools) {
        const framed = withFrames(tools, imageToken, images, frame);
        const layout = layOutImages(turns, images, framed, imageTokenId, tokensOfTiles);
        return { ...layout, positions: plainPositions(layout.tokens.length) };
      },
    };
  },
};

/** Tiles (1, N, 3, H, W), all of them full: what surrounds pixels of unequal images is not needed, as each is encoded alone. */
function visionInputs({ data, dims }: TensorData) {
  const [images = 1, tiles = 1, , height = 0, width = 0] = dims;
  const mask = new Uint8Array(images * tiles * height * width).fill(1);
  return {
    pixels: { data, dims },
    toInput: keepBlankTiles,
    pixelsInput: "pixel_values",
    inputs: { pixel_attention_mask: { data: mask, dims: [images, tiles, height, width] } },
  };
}

/** The least that float16 tells from 0 as well. */
const SPECK = 1e-6;

/** The graph takes a tile that is 0 throughout (mid-grey, once normalised) for padding and drops it; a speck keeps it. */
function keepBlankTiles({ data, dims }: TensorData): TensorData {
  const tiles = (dims[0] ?? 1) * (dims[1] ?? 1);
  const size = data.length / tiles;
  let kept = data;
  for (let start = 0; start < data.length; start += size) {
    if (data.subarray(start, start + size).some((value) => value !== 0)) continue;
    if (kept === data) kept = data.slice();
    kept[start] = SPECK;
  }
  return { data: kept, dims };
}

/**
 * Tokens of each tile of an image.
 *
 * @throws InferenceError when the vision encoder left tiles out
 */
function tokensOfTiles({ tokens, processed }: PromptImage<Tiles>): number[] {
  const { rows, columns } = processed.layout;
  const tiles = rows * columns + 1;
  if (tokens % tiles === 0) return Array.from({ length: tiles }, () => tokens / tiles);
  throw new InferenceError(
    `the vision encoder returned ${tokens} features for ${tiles} tiles; expected as many for each`,
  );
}

/** The tiles' grids, and the whole picture's behind them. */
function tileGrids(image: PromptImage<Tiles>): FeatureGrid[] | undefined {
  const { pixels, layout } = image.processed;
  const [each = 0] = tokensOfTiles(image);
  const areas = [...tileAreas(layout.rows, layout.columns), WHOLE_PICTURE];
  const grids = areas.map((area) => squareCells(each, pixels.dims, area));
  return grids.every((grid) => grid !== undefined) ? grids : undefined;
}

function frame({ processed }: PromptImage<Tiles>, imageToken: string): string {
  const { rows, columns } = processed.layout;
  const whole = `${AROUND}${WHOLE}${imageToken}${AROUND}`;
  if (rows === 0 && columns === 0) return whole;
  const lines = Array.from({ length: rows }, (_, row) => {
    const tiles = Array.from(
      { length: columns },
      (__, column) => `${AROUND}<row_${row + 1}_col_${column + 1}>${imageToken}`,
    );
    return `${tiles.join("")}\n`;
  });
  return `${lines.join("")}\n${whole}`;
}
