import { z } from "zod";
import { type FeatureGrid, WHOLE_PICTURE } from "../engine/feature-grid.js";
import type { TensorData } from "../engine/tensor-data.js";
import { InferenceError } from "../errors.js";
import type {
  CheckpointFacts,
  FamilyPlugin,
  ModelFamily,
  ProcessedImage,
  ProcessorOutput,
  PromptImage,
} from "./family.js";
import { tileAreas } from "./feature-grids.js";
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
  downsample_factor: SIZE.default(2),
  use_image_special_tokens: z.boolean().nullish(),
  vision_config: z.looseObject({ patch_size: SIZE.optional().catch(undefined) }).optional(),
  text_config: z.looseObject({ ...TEXT_FIELDS, conv_L_cache: SIZE.optional() }),
});

const START = "<|image_start|>";
const END = "<|image_end|>";
const WHOLE = "<|img_thumbnail|>";

/** How an image is cut, and how the tokens of each piece lie: its tiles, and behind several of them the whole image. */
interface Pieces {
  /** Rows and columns of tiles; 1 where it is not cut. */
  readonly rows: number;
  readonly columns: number;
  readonly tokens: readonly { readonly rows: number; readonly columns: number }[];
}

/**
 * LFM2-VL: an image in patches, a large one cut into tiles, each behind a token that names its place, with the whole image
 * behind them; a decoder of short convolutions and attention that counts positions itself.
 *
 * @see Liquid AI 2025 (arXiv 2511.23404)
 */
export const lfm2Vl: FamilyPlugin = {
  name: "lfm2_vl",
  modelTypes: ["lfm2_vl"],
  configure({ config, tokenText }): ModelFamily<Pieces> {
    const read = parseConfig(CONFIG, config);
    const { image_token_id: imageTokenId, downsample_factor: factor } = read;
    const imageToken = namedToken(imageTokenId, tokenText);
    const frame = read.use_image_special_tokens === false ? unframed : framed;
    return {
      name: "lfm2_vl",
      facts: { ...factsOf(read), cache: cacheOf(read) },
      imageToken,
      async process(processor, pixels) {
        return processed(await processor(pixels, { return_row_col_info: true }), factor);
      },
      grids: pieceGrids,
      layOut(turns, images, tools) {
        const inFrames = withFrames(tools, imageToken, images, frame);
        const layout = layOutImages(turns, images, inFrames, imageTokenId, tokensOfPieces);
        return { ...layout, positions: plainPositions(layout.tokens.length) };
      },
    };
  },
};

/** What attention layers keep, and the states of convolutions, of which the hub's graphs keep a column more than they need. */
function cacheOf(config: z.infer<typeof CONFIG>): CheckpointFacts["cache"] {
  const { cache, hiddenSize } = factsOf(config);
  if (cache === undefined || hiddenSize === undefined) return cache;
  return { ...cache, states: { conv: [hiddenSize, config.text_config.conv_L_cache ?? 3] } };
}

type Whole = TensorData<BigInt64Array>;

/**
 * The processor's patches without what pads them: each number is one of a pixel, so that variants distort images. The graph
 * takes them padded, with a mask.
 */
function processed(made: ProcessorOutput, factor: number): ProcessedImage<Pieces> {
  const padded = madeTensor<Float32Array>(made, "pixel_values", 3);
  const mask: Whole = madeTensor(made, "pixel_attention_mask");
  const shapes: Whole = madeTensor(made, "spatial_shapes");
  const numbers = padded.dims[2]!;
  const own = [...mask.data.keys()].filter((i) => mask.data[i] === 1n);
  const data = new Float32Array(own.length * numbers);
  own.forEach((place, i) => {
    data.set(padded.data.subarray(place * numbers, (place + 1) * numbers), i * numbers);
  });
  return {
    pixels: { data, dims: [own.length, numbers] },
    toInput(pixels) {
      const values = new Float32Array(padded.data.length);
      own.forEach((place, i) => {
        values.set(pixels.data.subarray(i * numbers, (i + 1) * numbers), place * numbers);
      });
      return { data: values, dims: padded.dims };
    },
    pixelsInput: "pixel_values",
    inputs: {
      pixel_attention_mask: { data: mask.data, dims: mask.dims },
      spatial_shapes: { data: shapes.data, dims: shapes.dims },
    },
    layout: {
      rows: madeNumber(made, "rows"),
      columns: madeNumber(made, "columns"),
      tokens: tokensOf(shapes, factor),
    },
  };
}

/** Tokens of each piece, from its rows and columns of patches (pieces, 2): squares of patches become one. */
function tokensOf({ data }: Whole, factor: number): Pieces["tokens"] {
  const squares = [...data].map((patches) => Math.ceil(Number(patches) / factor));
  return Array.from({ length: squares.length / 2 }, (_, i) => ({
    rows: squares[2 * i]!,
    columns: squares[2 * i + 1]!,
  }));
}

/** The grids of the tiles, and behind several of them the whole picture's. */
function pieceGrids({ processed: { layout } }: PromptImage<Pieces>): FeatureGrid[] {
  const areas = tileAreas(layout.rows, layout.columns);
  return layout.tokens.map((grid, i) => ({ ...grid, area: areas[i] ?? WHOLE_PICTURE }));
}

/** @throws InferenceError when the vision encoder makes other features than the pieces' */
function tokensOfPieces({ tokens, processed: { layout } }: PromptImage<Pieces>): readonly number[] {
  const counts = layout.tokens.map(({ rows, columns }) => rows * columns);
  const expected = counts.reduce((sum, one) => sum + one, 0);
  if (tokens === expected) return counts;
  throw new InferenceError(
    `the vision encoder made ${tokens} features of ${layout.tokens.length} pieces of an image; expected ${expected}: config.json or the graph is another checkpoint's`,
  );
}

function framed({ processed: { layout } }: PromptImage<Pieces>, imageToken: string): string {
  const { rows, columns, tokens } = layout;
  const isCut = rows > 1 || columns > 1;
  const pieces = tokens.map((_, i) => {
    if (!isCut) return imageToken;
    const [row, column] = [Math.floor(i / columns) + 1, (i % columns) + 1];
    return (row > rows ? WHOLE : `<|img_row_${row}_col_${column}|>`) + imageToken;
  });
  return `${START}${pieces.join("")}${END}`;
}

function unframed({ processed }: PromptImage<Pieces>, imageToken: string): string {
  return imageToken.repeat(processed.layout.tokens.length);
}
