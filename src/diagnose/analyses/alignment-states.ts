import { z } from "zod";
import { requireGoingOn } from "../../eval/index.js";
import { GroundsightError, type Probe, type TextModel, type TextStates } from "../../index.js";
import { meanOfRows } from "../../math/mean-of-rows.js";
import type { AnalysisContext } from "../contract/analysis.js";

/** An image with a prompt and a true caption. */
export interface Captioned {
  readonly image: string;
  readonly text: string;
  readonly reference: string;
}

const ROW: z.ZodType<Captioned> = z.object({
  image: z.string().min(1),
  text: z.string().min(1),
  reference: z.string().min(1),
});

/** By layer, a vector for each thing: the embeddings first. */
export type Layers = readonly (readonly Float32Array[])[];

/** How images and their true captions are represented. */
export interface AlignmentStates {
  /** Mean over the image's tokens in the decoder. */
  readonly images: Layers;
  /** Mean over the caption's tokens in the decoder, without the image. */
  readonly texts: Layers;
  /** Mean over the positions of the vision tower; undefined where its states cannot be read. */
  readonly tower: Layers | undefined;
  /** Why not. */
  readonly withoutTower: string | undefined;
  /** Mean over the caption's tokens in the base LLM; undefined without one. */
  readonly baseTexts: Layers | undefined;
}

/** The captions of data, with their references. */
export async function captionedRows({ data }: Pick<AnalysisContext, "data">): Promise<Captioned[]> {
  return (await data.rows("captions.jsonl", ROW)).map(({ value }) => value);
}

/** Reads images and their true captions, each for itself, so that neither knows of the other. */
export async function alignmentStates(
  context: Pick<AnalysisContext, "model" | "base" | "data" | "signal" | "progress">,
  rows: readonly Captioned[],
): Promise<AlignmentStates> {
  const { model, base, data, signal, progress } = context;
  const probe = await model.probe();
  const found: Record<"images" | "texts" | "tower" | "baseTexts", Float32Array[][]> = {
    images: [],
    texts: [],
    tower: [],
    baseTexts: [],
  };
  let withoutTower: string | undefined;
  try {
    for (const [done, row] of rows.entries()) {
      requireGoingOn(signal);
      const image = data.image(row.image);
      found.images.push(await imageMeans(probe, row, image));
      found.texts.push(
        layersOf(await probe.textStates(row.text, row.reference, undefined, "mean")),
      );
      if (withoutTower === undefined) {
        const tower = await towerMeans(probe, image).catch(refusal);
        if (typeof tower === "string") withoutTower = tower;
        else found.tower.push(tower);
      }
      if (base !== undefined) found.baseTexts.push(await baseMeans(base, row.reference));
      progress(done + 1, rows.length);
    }
  } finally {
    await probe.dispose();
  }
  return {
    images: byLayer(found.images),
    texts: byLayer(found.texts),
    tower: withoutTower === undefined ? byLayer(found.tower) : undefined,
    withoutTower,
    baseTexts: base === undefined ? undefined : byLayer(found.baseTexts),
  };
}

async function imageMeans(probe: Probe, { text }: Captioned, image: string) {
  const { states, images, width } = await probe.promptStates(text, image);
  return states.map((all) =>
    meanOfRows(
      images.flatMap(({ start, end }) =>
        Array.from({ length: end - start }, (_, i) => rowOf(all, start + i, width)),
      ),
    ),
  );
}

async function towerMeans(probe: Probe, image: string): Promise<Float32Array[]> {
  const { states, rows, positions, width } = await probe.visionStates(await probe.pixels(image));
  return states.map((all) =>
    meanOfRows(Array.from({ length: rows * positions }, (_, i) => rowOf(all, i, width))),
  );
}

/** What a model says of what it does not offer; other errors are thrown on. */
function refusal(error: unknown): string {
  if (GroundsightError.isInstance(error) && error.code === "UNSUPPORTED_CAPABILITY")
    return error.message;
  throw error;
}

async function baseMeans(base: TextModel, caption: string): Promise<Float32Array[]> {
  // A text begins where the model would begin one, and its first token is left out: it holds no meaning.
  const tokens = base.encode(` ${caption.trim()}`);
  return layersOf(await base.states!(tokens, Math.min(1, tokens.length - 1)));
}

function layersOf({ states, layers, width }: TextStates): Float32Array[] {
  return Array.from({ length: layers }, (_, layer) => rowOf(states, layer, width).slice());
}

function rowOf(all: Float32Array, row: number, width: number): Float32Array {
  return all.subarray(row * width, (row + 1) * width);
}

/** Of each thing's layers, each layer's things. */
function byLayer(things: readonly (readonly Float32Array[])[]): Layers {
  return (things[0] ?? []).map((_, layer) => things.map((layers) => layers[layer]!));
}
