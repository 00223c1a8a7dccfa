/** What the parts of a synthetic decoder share: its shape, its form and the graph under construction. */
import { InvalidArgumentError } from "../../errors.js";
import { SeededRandom } from "../../math/seeded-random.js";
import { GraphBuilder } from "./graph-builder.js";

/** Storage of a projection's weights; "external" only names places in a file {@link EXTERNAL_WEIGHTS}, to be made by the caller. */
export type WeightFormat = "float32" | "int8" | "int4" | "external";

/** The file that external weights lie in, beside the model. */
export const EXTERNAL_WEIGHTS: string = "weights.bin";

/**
 * How attention is written. "concat": plain operators. "group-query": GroupQueryAttention with rotary positions inside;
 * "group-query-rotated": with those of position_ids outside. "multi-head": MultiHeadAttention, with as many key/value
 * heads as heads. "attention": the Attention of operator set 24, with a mask of bools.
 */
export type SyntheticAttention =
  | "concat"
  | "group-query"
  | "group-query-rotated"
  | "multi-head"
  | "attention";

/** Shape and form of a synthetic decoder. */
export interface SyntheticDecoderOptions {
  readonly layers: number;
  /** Width of the residual stream; a multiple of 32 for 4-bit weights. */
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly attention?: SyntheticAttention;
  /** "plain": single operators; "fused": residual add and RMS norm in SkipSimplifiedLayerNormalization. */
  readonly norm?: "plain" | "fused";
  /** Whether what attention and MLP give is normed before it is added, as Gemma does. */
  readonly postNorms?: boolean;
  /** How projection weights are stored: float32 (inline or external), int8 (MatMulInteger) or 4-bit (MatMulNBits). */
  readonly weights?: WeightFormat;
  /** Largest position, for the rotary tables of the fused attention. */
  readonly maxPositions?: number;
  /** Seed of the weights. */
  readonly seed?: number;
}

/** What all parts of the graph under construction share. */
export interface DecoderContext {
  readonly graph: GraphBuilder;
  readonly random: SeededRandom;
  readonly options: Required<SyntheticDecoderOptions>;
  readonly headWidth: number;
  /** The operator set of the graph. */
  readonly opset: number;
  /** Size so far of the file of external weights. */
  readonly external: { bytes: number };
}

/**
 * Starts a decoder's graph.
 *
 * @throws InvalidArgumentError when heads do not divide the width or kvHeads the heads, or MultiHeadAttention has fewer
 */
export function decoderContext(options: SyntheticDecoderOptions): DecoderContext {
  const { width, heads, kvHeads } = options;
  const headWidth = width / heads;
  if (!Number.isInteger(headWidth / 2) || !Number.isInteger(heads / kvHeads)) {
    throw new InvalidArgumentError(
      `width ${width}, heads ${heads}, kvHeads ${kvHeads}: expected heads to divide the width into an even part and kvHeads to divide heads`,
    );
  }
  if (options.attention === "multi-head" && heads !== kvHeads) {
    throw new InvalidArgumentError(
      `kvHeads ${kvHeads}: expected ${heads}, as many as heads, which MultiHeadAttention takes`,
    );
  }
  const complete = {
    attention: "concat",
    norm: "plain",
    postNorms: false,
    weights: "float32",
    maxPositions: 2048,
    seed: 0,
    ...options,
  } as const;
  return {
    graph: new GraphBuilder(),
    random: new SeededRandom(complete.seed),
    options: complete,
    headWidth,
    opset: complete.attention === "attention" ? 24 : 17,
    external: { bytes: 0 },
  };
}
