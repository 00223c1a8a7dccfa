import type { Model, TextModel } from "../../index.js";
import { placesOf } from "../../objects/token-places.js";
import type { LikelyToken, TokenEvidence } from "../contract/explanation.js";
import type { StreamsRead } from "./read-streams.js";
import type { BaseNumbers, LikelyId } from "./token-numbers.js";

/**
 * Puts together what is told of each token: its text and place beside its numbers.
 *
 * @param views of the base LLM, or of the model itself; null without one
 * @param base whose tokens their alternatives are; undefined where they are the model's own
 */
export async function tokenEvidence(
  model: Model,
  { read, numbers }: Pick<StreamsRead, "read" | "numbers">,
  views: readonly (BaseNumbers | null)[] | null,
  base: TextModel | undefined,
): Promise<TokenEvidence[]> {
  const tops = numbers.flatMap(({ own, distorted, imageless, self }) =>
    [own, distorted, imageless, self].flatMap((one) => one?.top ?? []),
  );
  const texts = new Map<number, string>();
  for (const id of new Set([...read.tokens, ...tops.map(({ id }) => id)])) {
    texts.set(id, await model.decode([id]));
  }
  const shown = (top: readonly LikelyId[]): LikelyToken[] =>
    top.map(({ id, logprob }) => ({ id, text: texts.get(id)!, logprob }));
  const ofBase = (top: readonly LikelyId[]): LikelyToken[] =>
    base === undefined
      ? shown(top)
      : top.map(({ id, logprob }) => ({ id, text: base.decode([id]), logprob }));
  const places = placesOf(read.pieces);
  return read.tokens.map((id, i) => {
    const { own, distorted, imageless } = numbers[i]!;
    const view = views?.[i] ?? null;
    return {
      id,
      text: texts.get(id)!,
      ...places[i]!,
      ...own,
      top: shown(own.top),
      distorted: distorted && { ...distorted, top: shown(distorted.top) },
      imageless: imageless && { ...imageless, top: shown(imageless.top) },
      base: view && { ...view, top: ofBase(view.top) },
    };
  });
}
