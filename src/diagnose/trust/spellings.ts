import type { Model } from "../../index.js";

/**
 * How a name may be written where an answer begins or goes on: with and without a capital, with and without a blank in
 * front. Of these the ones that take fewest tokens, each once.
 */
export async function spellings(model: Model, name: string): Promise<(readonly number[])[]> {
  const capital = name.charAt(0).toUpperCase() + name.slice(1);
  const written = [capital, name].flatMap((word) => [word, ` ${word}`]);
  const encoded = await Promise.all(written.map((text) => model.encode(text)));
  const fewest = Math.min(...encoded.map(({ length }) => length));
  const shortest = encoded.filter(({ length }) => length === fewest);
  return [...new Map(shortest.map((ids) => [ids.join(), ids])).values()];
}
