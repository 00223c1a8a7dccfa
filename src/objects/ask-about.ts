/** How a model is asked about objects. */
import { InvalidArgumentError } from "../errors.js";

/** The wording of peer-scitix's evaluation of self-verification. */
export const WORDING = "Is there a {object} in the image?\nAnswer the question using a single word";

/** The authors' prompt of LPFV (arXiv 2601.22451). */
export const ELEMENT_PROMPT = "Describe any element of the image with only one word or phrase.";

/** An object's name stands in its place; an article in front of it agrees. */
const OBJECT = "{object}";

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

/**
 * The token ids of an object's spellings that take fewest tokens: with and without a capital, with and without a blank in
 * front, since a chat template decides which of these begins an answer.
 *
 * @param encode token ids of a text as it stands
 */
export async function spellings(
  encode: (text: string) => Promise<readonly number[]>,
  name: string,
): Promise<(readonly number[])[]> {
  const written = [capitalised(name), name].flatMap((word) => [word, ` ${word}`]);
  const encoded = await Promise.all(written.map((text) => encode(text)));
  const fewest = Math.min(...encoded.map(({ length }) => length));
  const shortest = encoded.filter(({ length }) => length === fewest);
  return [...new Map(shortest.map((ids) => [ids.join(), ids])).values()];
}

/** A name with a capital. */
export function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** A description of an image as it is put into a prompt, in the words of VDGD's authors. */
export function describedAs(description: string): string {
  return `The input image is described as follows: ${description} `;
}
