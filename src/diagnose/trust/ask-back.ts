/** What a model says of objects when it is asked about them, on the image's prefix that all questions share. */
import { yesAhead, yesNoTokens } from "../../eval/index.js";
import {
  type ImageSource,
  InvalidArgumentError,
  logSoftmax,
  type Method,
  type Model,
} from "../../index.js";
import { groupBy } from "../../math/group-by.js";
import { spellings } from "./spellings.js";

/** How objects are asked about. */
export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}

/** An object's name stands in its place; an article in front of it agrees. */
const OBJECT = "{object}";

/**
 * Self-verification: for each object how far no is ahead of yes when the model is asked whether it is there.
 *
 *     m = ln sum_{no} p - ln sum_{yes} p
 *
 * All objects are asked about together: one pass behind the image's prefix.
 *
 * @param wording the question, with `{object}` in the object's place
 * @returns for each object m in nats; null where the vocabulary has no yes or no
 */
export async function verifyObjects(
  model: Model,
  image: ImageSource,
  objects: readonly string[],
  { wording, signal }: AskOptions & { readonly wording: string },
): Promise<(number | null)[]> {
  const tokens = await yesNoTokens((text) => model.encode(text));
  const margins: (number | null)[] = objects.map(() => null);
  await model.generateBatch(
    objects.map((object, i) => ({
      image,
      prompt: questionAbout(object, wording),
      maxTokens: 1,
      ...(signal === undefined ? {} : { signal }),
      method: lookingAt((logits) => {
        const { margin } = yesAhead(logits, tokens);
        margins[i] = margin === undefined ? null : -margin;
      }),
    })),
  );
  return margins;
}

/**
 * LPFV: the probability of each object as the whole answer to a question for any element of the image.
 *
 *     ln sum_{spellings} prod_k p(o_k | image, prompt, o_<k)
 *
 * over the {@link spellings}: with a capital is the authors' form, a chat template decides which of these begins an answer. One pass for all objects of one token; longer
 * ones share a pass where they begin alike.
 *
 * @returns for each object, in nats
 * @see arXiv 2601.22451
 */
export async function anyElement(
  model: Model,
  image: ImageSource,
  objects: readonly string[],
  { prompt, signal }: AskOptions & { readonly prompt: string },
): Promise<number[]> {
  const chances = objects.map(() => 0);
  const spelt = await Promise.all(objects.map((name) => spellings(model, name)));
  const written = spelt.flatMap((all, object) => all.map((ids) => ({ ids, object })));
  const alike = groupBy(written, ({ ids }) => ids.slice(0, -1).join());
  const rest = signal === undefined ? {} : { signal };
  await Promise.all(
    [...alike.values()].map((spelt) => {
      const [{ ids }] = spelt as [(typeof spelt)[0]];
      let sum = 0;
      return model.read(
        { image, prompt, answer: ids, ...rest },
        {
          onPosition: ({ logits }, position) => {
            if (position >= ids.length) return;
            const logProbs = logSoftmax(logits);
            if (position < ids.length - 1) {
              sum += logProbs[ids[position]!]!;
              return;
            }
            for (const { ids, object } of spelt) {
              chances[object]! += Math.exp(sum + logProbs[ids.at(-1)!]!);
            }
          },
        },
      );
    }),
  );
  // Below the smallest float a chance is no longer told from none.
  return chances.map((chance) => Math.log(Math.max(chance, 1e-38)));
}

/** The question about an object. @throws InvalidArgumentError where the wording has no place for it */
export function questionAbout(object: string, wording: string): string {
  if (typeof wording !== "string" || !wording.includes(OBJECT)) {
    throw new InvalidArgumentError(
      `wording: received ${JSON.stringify(wording)}; expected a question with ${OBJECT} in it, such as "Is there a ${OBJECT} in the image?"`,
    );
  }
  return wording
    .replaceAll(/\b(a) (?=\{object\})/gi, (_, article: string) =>
      /^[aeiou]/i.test(object) ? `${article}n ` : `${article} `,
    )
    .replaceAll(OBJECT, () => object);
}

/** Decodes as `regular`, and shows the logits of the first token. */
function lookingAt(onLogits: (logits: Float32Array) => void): Method {
  return {
    name: "ask-back",
    settings: {},
    needs: { image: true, fullVocabulary: true },
    start: ({ view }) => ({
      streams: [{ view }],
      scores: ([output], position) => {
        if (position === 0) onLogits(output!.logits);
        return output!.logits;
      },
    }),
  };
}
