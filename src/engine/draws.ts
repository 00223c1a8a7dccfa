import { SeededRandom } from "../math/seeded-random.js";
import { textOf, type View } from "./view.js";

/** Names images in draws: their keys, in order. */
export function imagesName(keys: readonly string[]): string {
  return keys.join();
}

/** Names a conversation with its images, so that equal seeds draw independently for different ones. */
export function drawName(keys: readonly string[], view: View): string {
  return `${imagesName(keys)}/${view.map(({ parts }) => textOf(parts)).join("\n")}`;
}

/** The generator that an answer's tokens are drawn with. */
export function tokenRandom(seed: number, name: string): SeededRandom {
  return new SeededRandom(seed, `sample/${name}`);
}

/** A method's generator of some name, for an image or for all of a request's. */
export function methodRandom(
  seed: number,
  name: string,
  keys: readonly string[],
  image?: number,
): SeededRandom {
  return new SeededRandom(seed, `${name}/${image === undefined ? imagesName(keys) : keys[image]!}`);
}
