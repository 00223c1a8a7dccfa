import { attentionEdit, imageAttentionOutput, type Model, type ReadRequest } from "../../index.js";

/** Middle layers, as shares of all: layers 5 to 18 of 32. */
const MIDDLE = [5 / 32, 18 / 32] as const;

/** The layers in the middle of a decoder, from 0. */
export function middleLayers(layers: number): number[] {
  const [from, to] = MIDDLE.map((share) => Math.floor(share * layers)) as [number, number];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/**
 * The share of attention that lies on the image where each token of an answer is predicted, the mean over heads and some
 * layers. The answer is read token by token.
 *
 * @returns for each token, 0 to 1
 * @throws UnsupportedCapabilityError or ShapeError where a layer's attention cannot be read
 * @see Jiang et al. 2025, Devils in Middle Layers of Large Vision-Language Models
 */
export async function attentionToImage(
  model: Model,
  request: ReadRequest,
  layers: readonly number[],
): Promise<number[]> {
  const edit = attentionEdit(layers, { of: "images" });
  await model.prepare({
    name: "attention to the image",
    settings: {},
    needs: { edits: [edit] },
    start: ({ view }) => ({ streams: [{ view }] }),
  });
  const shares: number[] = [];
  await model.read(request, {
    streams: ({ view }) => [{ view, edits: [{ edit, strength: 1 }] }],
    onPosition: ({ readings }, position) => {
      const heads = layers.flatMap((layer) => [...(readings?.[imageAttentionOutput(layer)] ?? [])]);
      shares[position] = heads.reduce((sum, share) => sum + share, 0) / heads.length;
    },
  });
  return shares;
}
