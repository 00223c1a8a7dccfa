import type { ImageSource, Model, Probe } from "../../index.js";
import { spellings } from "../../objects/ask-about.js";

/** How the lens is read. */
export interface LensOptions {
  /** What is asked about the image. Image tokens stand before it, and of most models do not know of it. */
  readonly prompt: string;
  /** Numbers of the hidden states: 0 the embeddings, i behind layer i. Default all. */
  readonly layers?: readonly number[] | undefined;
}

/** Opened once for a model, which frees them with itself. */
const PROBES = new WeakMap<Model, Promise<Probe>>();

/**
 * The logit lens's confidence in objects: how sure the hidden states at the image's tokens are of each.
 *
 *     max over layers i and image tokens t of  ln softmax(head(norm(h_it)))[first token of the object]
 *
 * and over the spellings that take fewest tokens. One pass over the prompt for all objects.
 *
 * @returns for each object, in nats
 * @throws ShapeError for layers that the model does not have
 * @throws UnsupportedCapabilityError where the graph's layers or head cannot be read
 * @see Jiang et al. 2025, arXiv 2410.02762, section 4.1
 */
export async function lensConfidence(
  model: Model,
  image: ImageSource,
  objects: readonly string[],
  { prompt, layers }: LensOptions,
): Promise<number[]> {
  const first = await Promise.all(
    objects.map(async (name) =>
      (await spellings((text) => model.encode(text), name)).map(([token]) => token!),
    ),
  );
  const tokens = [...new Set(first.flat())];
  const probe = await probeOf(model);
  const { logProbs } = await probe.imageLens(prompt, image, tokens, layers);
  const highest = tokens.map(() => Number.NEGATIVE_INFINITY);
  for (const rows of logProbs) {
    rows.forEach((value, i) => {
      const token = i % tokens.length;
      highest[token] = Math.max(highest[token]!, value);
    });
  }
  return first.map((ids) => Math.max(...ids.map((id) => highest[tokens.indexOf(id)]!)));
}

function probeOf(model: Model): Promise<Probe> {
  const probe = PROBES.get(model) ?? model.probe();
  PROBES.set(model, probe);
  probe.catch(() => PROBES.delete(model));
  return probe;
}
