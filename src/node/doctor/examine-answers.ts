import type { Backend, OpenedImage } from "../../engine/backend.js";
import type { ActiveEdit } from "../../engine/method.js";
import type { Dtype } from "../checkpoint-folder.js";
import { decodePlainly, goOnWith, layOutWhole, type PlainAnswer } from "./decode-plainly.js";
import { type Finding, fault, passed } from "./examination.js";

/** Tokens that the cache and steering are tried on. */
const STEPS = 6;

/**
 * Farthest that logits of an answer read at once may lie from those of one decoded step by step, as a share of their own
 * spread. Graphs with dynamic scales of activations round by what they are given at once.
 */
const TOLERANCES: Readonly<Partial<Record<Dtype, number>>> = { fp32: 0.001, fp16: 0.05 };
const QUANTIZED_TOLERANCE = 0.3;

/** Looks whether logits are numbers that tell tokens apart. */
export function examineNumbers({ tokens, logits }: PlainAnswer, text: string): Finding<true> {
  for (const [step, row] of logits.entries()) {
    const bad = row.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
    if (bad > 0) {
      return fault(
        `${bad} of ${row.length} logits of token ${step} are no numbers`,
        "weights or activations overflow: see the check of weights; with fp16, try another precision (--dtype)",
      );
    }
    if (spreadOf(row) === 0) {
      return fault(
        `all logits of token ${step} are ${row[0]}`,
        "the weights are empty, or the graph is no decoder: fetch decoder_model_merged again",
      );
    }
  }
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return passed(`${tokens.length} tokens, greedily: ${JSON.stringify(shown)}`);
}

/** Reads the answer at once that was decoded step by step: a cache that is not what it should be tells itself. */
export async function examineCache(
  backend: Backend,
  image: OpenedImage,
  { tokens, logits }: PlainAnswer,
  dtype: Dtype,
): Promise<Finding<true>> {
  const steps = Math.min(STEPS, tokens.length);
  const prompt = await layOutWhole(backend, image);
  const atOnce = await decodePlainly(backend, goOnWith(prompt, tokens.slice(0, steps - 1)), 1);
  const share = distance(logits[steps - 1]!, atOnce.logits[0]!);
  const tolerance = TOLERANCES[dtype] ?? QUANTIZED_TOLERANCE;
  const told = `logits of token ${steps} differ by ${share.toPrecision(2)} of their spread from those of the same text read at once`;
  if (share <= tolerance) return passed(told);
  return fault(
    `${told} (allowed: ${tolerance}): the cache is not what the decoder goes on from`,
    "past and present names of the decoder may be swapped (layers, or key and value), or its positions are not those of the family: export it again",
  );
}

/** Steers at strength 0, which must leave every bit as it is. */
export async function examineZeroSteering(
  backend: Backend,
  image: OpenedImage,
  edits: readonly ActiveEdit[],
): Promise<Finding<true>> {
  const plain = await decodePlainly(backend, await layOutWhole(backend, image), STEPS);
  const zero = edits.map(({ edit }) => ({ edit, strength: 0 }));
  const steered = await decodePlainly(backend, await layOutWhole(backend, image, zero), STEPS);
  const graphs = edits.map(({ edit }) => edit.graph).join(" and ");
  const step = plain.logits.findIndex((row, i) => !isSame(row, steered.logits[i]!));
  if (step < 0) return passed(`logits of ${STEPS} tokens are the same to the bit (${graphs})`);
  const share = distance(plain.logits[step]!, steered.logits[step]!);
  return fault(
    `steering of ${graphs} at strength 0 changes the logits of token ${step} by ${share.toPrecision(2)} of their spread`,
    "the runtime fuses operators of the patched graph in another way: vti changes this model at any strength; report it with the graph",
  );
}

/** |a - b| / |b - mean(b)|: NaN counts as infinitely far. */
function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  const share = Math.sqrt(sum) / spreadOf(b);
  return Number.isNaN(share) ? Number.POSITIVE_INFINITY : share;
}

/** |a - mean(a)| */
function spreadOf(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0));
}

function isSame(a: Float32Array, b: Float32Array): boolean {
  const bits = (row: Float32Array) => new Uint32Array(row.buffer, row.byteOffset, row.length);
  const other = bits(b);
  return a.length === b.length && bits(a).every((value, i) => value === other[i]);
}
