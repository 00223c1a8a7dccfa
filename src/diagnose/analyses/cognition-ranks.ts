import type { Plot, Series, TableRow } from "../contract/analysis.js";
import { shiftOf } from "../evidence/token-numbers.js";
import { shareDifference, shareEstimate } from "../statistics/cluster-estimate.js";
import type { RankedToken } from "./base-ranks.js";
import { estimateText } from "./estimate-text.js";
import { verdict } from "./verdict.js";

/** Places of captions that are told apart. */
const POSITIONS = 16;

/** Tokens of the answers to one set. */
export interface Ranked {
  readonly name: string;
  readonly tokens: readonly RankedToken[];
}

const ofToken = ({ image }: RankedToken) => image;
const isUnshifted = ({ rank }: RankedToken) => shiftOf(rank) === "unshifted";
const isMarginal = ({ rank }: RankedToken) => shiftOf(rank) === "marginal";
const isShifted = ({ rank }: RankedToken) => shiftOf(rank) === "shifted";

/** How many tokens of a set the base LLM would have said, and how many not. */
export function rankRow({ name, tokens }: Ranked, seed: number): TableRow {
  const share = (isHit: (token: RankedToken) => boolean) =>
    estimateText(shareEstimate(tokens, ofToken, isHit, { seed }), 1);
  return {
    set: name,
    from: "base rank",
    n: tokens.length,
    unshifted: share(isUnshifted),
    marginal: share(isMarginal),
    shifted: share(isShifted),
  };
}

/** What ranks say, and whether tokens shift less the later they stand. */
export function rankFindings(ranked: readonly Ranked[], seed: number): string[] {
  const told = ranked.map(({ name, tokens }) => {
    const share = shareEstimate(tokens, ofToken, isUnshifted, { seed });
    return `${estimateText(share, 1)}% in ${name} (n = ${tokens.length})`;
  });
  const captions = ranked.find(({ name }) => name === "captions")?.tokens ?? [];
  if (ranked.length === 0) return [];
  const middle = POSITIONS / 2;
  const rise = shareDifference(
    captions.filter(({ position }) => position < middle),
    captions.filter(({ position }) => position >= middle),
    ofToken,
    isUnshifted,
    { seed },
  );
  return [
    `Tokens that the base LLM ranks first without the image: ${told.join(", ")}.`,
    ...(captions.length === 0
      ? []
      : [
          `captions: ${verdict(rise, `tokens behind the first ${middle} are unshifted more often than these`)}`,
        ]),
  ];
}

/** Kinds of tokens in captions by their place; none without captions. */
export function rankPlot(ranked: readonly Ranked[], seed: number): Plot[] {
  const captions = ranked.find(({ name }) => name === "captions");
  if (captions === undefined) return [];
  const kinds: readonly (readonly [string, (token: RankedToken) => boolean])[] = [
    ["unshifted (rank 0)", isUnshifted],
    ["marginal (1, 2)", isMarginal],
    ["shifted", isShifted],
  ];
  const series = kinds.map(
    ([label, isHit]): Series => ({
      label,
      points: Array.from({ length: POSITIONS }, (_, position) => {
        const here = captions.tokens.filter((token) => token.position === position);
        return { x: position, ...shareEstimate(here, ofToken, isHit, { seed }) };
      }),
    }),
  );
  return [
    {
      name: "cognition-ranks",
      title: "Base ranks of a caption's tokens, by their place",
      mark: "line",
      x: { label: "place of the token in the caption" },
      y: { label: "share of tokens, percent", domain: [0, 100] },
      series,
    },
  ];
}
