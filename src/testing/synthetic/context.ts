/** What the parts of a synthetic decoder share: its shape, its form and the graph under construction. */
import { InvalidArgumentError } from "../../errors.js";
import { SeededRandom } from "../../math/seeded-random.js";
import { GraphBuilder } from "./graph-builder.js";

/** Storage of a projection's weights; "external" only names places in a file {@link EXTERNAL_WEIGHTS}, to be made by the caller. */
export type WeightFormat = "float32" | "int8" | "int4" | "external";

/** The file that external weights lie in, beside the model. */
export const EXTERNAL_WEIGHTS: string = "weights.bin";

/** Shape and form of a synthetic decoder. */
export interface SyntheticDecoderOptions {
  readonly layers: number;
  /** Width of the residual stream; a multiple of 32 for 4-bit weights. */
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  /** "concat": plain operators; "group-query": the fused GroupQueryAttention with rotary positions inside. */
  readonly attention?: "concat" | "group-query";
  /** "plain": single operators; "fused": residual add and RMS norm in SkipSimplifiedLayerNormalization. */
  readonly norm?: "plain" | "fused";
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
  /** Size so far of the file of external weights. */
  readonly external: { bytes: number };
}

/**
 * Starts a decoder's graph.
 *
 * @throws InvalidArgumentError when heads do not divide the width or kvHeads the heads
 */
export function decoderContext(options: SyntheticDecoderOptions): DecoderContext {
  const { width, heads, kvHeads } = options;
  const headWidth = width / heads;
  if (!Number.isInteger(headWidth / 2) || !Number.isInteger(heads / kvHeads)) {
    throw new InvalidArgumentError(
      `width ${width}, heads ${heads}, kvHeads ${kvHeads}: expected heads to divide the width into an even part and kvHeads to divide heads`,
    );
  }
  const complete = {
    attention: "concat",
    norm: "plain",
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
    external: { bytes: 0 },
  };
}
