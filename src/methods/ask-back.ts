/** What a model says of objects when a method asks it about them, on the images' prefix that all questions share. */
import type { MethodRun } from "../engine/method.js";
import { askAboutImages } from "../engine/view.js";
import { UnsupportedCapabilityError } from "../errors.js";
import { groupBy } from "../math/group-by.js";
import { logSoftmax } from "../math/log-softmax.js";
import { topIndices } from "../math/top-indices.js";
import { capitalised, questionAbout, spellings } from "../objects/ask-about.js";
import { yesAhead, yesNoTokens } from "../objects/yes-no-tokens.js";

/** What asking takes of a run. */
export type AskingRun = Pick<MethodRun, "view" | "model" | "generate">;

/**
 * Self-verification: for each object how far no is ahead of yes when the model is asked whether it is there.
 *
 *     m = ln sum_{no} p - ln sum_{yes} p
 *
 * All objects are asked about together: one pass of a question's length each, behind the images' prefix.
 *
 * @param wording the question, with `{object}` in the object's place
 * @returns for each object m in nats
 * @throws InvalidArgumentError where the wording has no place for the object
 * @throws UnsupportedCapabilityError where the vocabulary has no token for yes or no
 */
export async function verifyObjects(
  run: AskingRun,
  objects: readonly string[],
  wording: string,
): Promise<number[]> {
  const tokens = await yesNoTokens((text) => run.model.encode(text));
  return Promise.all(
    objects.map(async (object) => {
      let margin: number | undefined;
      const view = askAboutImages(run.view, questionAbout(object, wording));
      const onPosition = (logits: Float32Array) => {
        margin = yesAhead(logits, tokens).margin;
      };
      await run.generate({ view }, { maxTokens: 1, onPosition });
      if (margin !== undefined) return -margin;
      throw new UnsupportedCapabilityError(
        `self-verification needs a token for yes and one for no, which the vocabulary of ${run.model.id} lacks; use another method`,
      );
    }),
  );
}

/**
 * Which chance of an object is told: that of all its spellings, or as the authors' code has it: of the capitalised one,
 * behind the top-k 50 that transformers samples with where nothing else is said.
 */
export type ElementForm = "spellings" | "official";

/** transformers' default of top-k. */
const OFFICIAL_TOP_K = 50;

/**
 * LPFV: the probability of each object as the whole answer to a question for any element of the image.
 *
 *     ln sum_{spellings} prod_k p(o_k | image, prompt, o_<k)
 *
 * over the spellings that take fewest tokens: with and without a capital, with and without a blank in front, since a chat
 * template decides which of these begins an answer. One pass for all objects of one token; longer ones share a pass
 * where they begin alike.
 *
 * @returns for each object, in nats
 * @see arXiv 2601.22451
 */
export async function anyElement(
  run: AskingRun,
  objects: readonly string[],
  prompt: string,
  form: ElementForm = "spellings",
): Promise<number[]> {
  const chances = objects.map(() => 0);
  const encode = (text: string) => run.model.encode(text);
  const spelt = await Promise.all(
    objects.map(async (name) =>
      form === "official" ? [await encode(capitalised(name))] : spellings(encode, name),
    ),
  );
  const written = spelt.flatMap((all, object) => all.map((ids) => ({ ids, object })));
  const alike = groupBy(written, ({ ids }) => ids.slice(0, -1).join());
  const view = askAboutImages(run.view, prompt);
  await Promise.all(
    [...alike.values()].map(async (same) => {
      const [{ ids }] = same as [(typeof same)[0]];
      let [sum, position] = [0, 0];
      const onPosition = (logits: Float32Array) => {
        const at = position++;
        if (at >= ids.length) return;
        const logProbs = logSoftmax(form === "official" ? cutToBest(logits) : logits);
        if (at < ids.length - 1) sum += logProbs[ids[at]!]!;
        else {
          for (const one of same)
            chances[one.object]! += Math.exp(sum + logProbs[one.ids.at(-1)!]!);
        }
      };
      await run.generate(
        { view },
        { maxTokens: 1, onPosition, ...(ids.length === 1 ? {} : { forced: ids }) },
      );
    }),
  );
  // Below the smallest float a chance is no longer told from none.
  return chances.map((chance) => Math.log(Math.max(chance, 1e-38)));
}

/** The logits with all but the best excluded. */
function cutToBest(logits: Float32Array): Float32Array {
  const cut = new Float32Array(logits.length).fill(Number.NEGATIVE_INFINITY);
  for (const id of topIndices(logits, OFFICIAL_TOP_K)) cut[id] = logits[id]!;
  return cut;
}
