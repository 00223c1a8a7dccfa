import { type TextModel, withoutImages } from "../../index.js";
import type { AnalysisContext } from "../contract/analysis.js";
import { baseViews } from "../evidence/base-views.js";
import { keepOne } from "./kept-work.js";

/** An answer of a model, as it was asked for. */
export interface RankedAnswer {
  readonly image: string;
  readonly prompt: string;
  readonly tokens: readonly number[];
}

/** A token of an answer and what the base LLM makes of it. */
export interface RankedToken {
  readonly image: string;
  /** From 0. */
  readonly position: number;
  /** How many tokens the base LLM finds likelier, from 0. */
  readonly rank: number;
}

/**
 * The ranks of an answer's tokens in the base LLM, given the same question without the image. Those that it does not have
 * are left out.
 *
 * @throws InvalidArgumentError when the two have different tokenizers
 */
export async function baseRanks(
  {
    model,
    base,
    data,
    signal,
    keep,
  }: Pick<AnalysisContext, "model" | "base" | "data" | "signal" | "keep">,
  { image, prompt, tokens }: RankedAnswer,
): Promise<RankedToken[]> {
  if (base === undefined || tokens.length === 0) return [];
  const key = [{ image: data.image(image) }, prompt, tokens, await base.hash()];
  return keepOne(keep, key, () => rank({ model, base, data, signal }, { image, prompt, tokens }));
}

async function rank(
  {
    model,
    base,
    data,
    signal,
  }: Pick<AnalysisContext, "model" | "data" | "signal"> & {
    readonly base: TextModel;
  },
  { image, prompt, tokens }: RankedAnswer,
): Promise<RankedToken[]> {
  // For the prompt's tokens alone: they are the same whatever is read behind them.
  const { prompts } = await model.read(
    { image: data.image(image), prompt, answer: tokens.slice(0, 1), signal },
    { streams: ({ view }) => [{ view: withoutImages(view) }], onPosition: () => {} },
  );
  const asked = { prompt: prompts[0]!, answer: tokens };
  const { views } = await baseViews(model, base, asked, { top: 0, signal });
  return views.flatMap((view, position) =>
    view === null ? [] : [{ image, position, rank: view.rank }],
  );
}
