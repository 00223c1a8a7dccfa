import { countObjects, type Interval } from "../../eval/index.js";
import { shareEstimate } from "../statistics/cluster-estimate.js";
import { textWith } from "./cause-of.js";
import type { ExplainedPhrase } from "./explained-phrases.js";
import type { Scene } from "./scenes.js";

/** A share with the 95% interval of the bootstrap over images. */
export interface Share {
  readonly count: number;
  readonly n: number;
  /** Null of nothing. */
  readonly percent: number | null;
  readonly interval: Interval | null;
}

/**
 * What causes are to be held against. A cause that true phrases have as often, or that chance gives as often, explains
 * nothing.
 */
export interface CauseControls {
  /** Hallucinated objects whose base rank makes them language, and true objects of the reference for which it does. */
  readonly hallucinatedLanguage: Share;
  readonly trueLanguage: Share;
  /** Hallucinated objects that the similar samples name, and objects that are absent and unnamed which they name as well. */
  readonly hallucinatedSeen: Share | null;
  readonly absentSeen: Share | null;
  /** Hallucinated objects that are the absent one which most often occurs with what is there, one of three such, any. */
  readonly strongestPartner: Share;
  readonly amongThreePartners: Share;
  /** The share that drawing an absent object at random would give the strongest partner. */
  readonly chanceOfPartner: number | null;
  /** Hallucinated objects behind which the answer names no other. */
  readonly namedLast: Share;
  /** Wrong colours that are the commonest of their object in the truth; null where it tells no colours. */
  readonly usualColour: Share | null;
}

/** What controls are computed from. */
export interface ControlInput {
  /** Phrases of the reference's answers, hallucinated and true. */
  readonly phrases: readonly ExplainedPhrase[];
  readonly scenes: ReadonlyMap<string, Scene>;
  canonical(name: string): string;
  readonly threshold: 0 | 1;
  /** What similar samples say, by image; null where there is no index. */
  readonly similar: ReadonlyMap<string, readonly string[]> | null;
  readonly seed: number;
}

/** Controls for the causes of the reference's phrases. */
export function causeControls(input: ControlInput): CauseControls {
  const { phrases, scenes, canonical, threshold, similar, seed } = input;
  const present = new Map(
    [...scenes].map(([image, { objects }]) => [
      image,
      [...new Set(objects.map(({ name }) => canonical(name)))],
    ]),
  );
  const counts = countObjects(present);
  const objects = phrases.filter(({ kind }) => kind === "object");
  const invented = objects.filter(({ isTrue }) => isTrue === false);
  const isLanguage = ({ words }: ExplainedPhrase) =>
    words.some(({ rank }) => rank !== null && rank <= threshold);
  const share = <T extends { readonly image: string }>(
    items: readonly T[],
    isHit: (item: T) => boolean,
  ): Share => shareOf(items, isHit, seed);
  const partnerRank = ({ image, object }: ExplainedPhrase) =>
    counts.partners(present.get(image) ?? []).findIndex((one) => one.object === object);
  const isSeen = (image: string, name: string) =>
    textWith(name.split(" "), similar?.get(image) ?? []) !== null;
  const ranks = new Map(invented.map((phrase) => [phrase, partnerRank(phrase)]));
  const inRank = (phrase: ExplainedPhrase, below: number) => {
    const rank = ranks.get(phrase) ?? -1;
    return rank >= 0 && rank < below;
  };
  const names = [...counts.frequency.keys()];
  const absent = [...new Set(invented.map(({ image }) => image))].flatMap((image) => {
    const named = objects.filter((one) => one.image === image).map(({ object }) => object);
    return names
      .filter((name) => !named.includes(name) && present.get(image)?.includes(name) !== true)
      .map((name) => ({ image, name }));
  });
  const colours = phrases.filter((one) => one.kind === "attribute" && one.isTrue === false);
  return {
    hallucinatedLanguage: share(invented, isLanguage),
    trueLanguage: share(
      objects.filter(({ isTrue }) => isTrue === true),
      isLanguage,
    ),
    hallucinatedSeen:
      similar === null ? null : share(invented, ({ image, object }) => isSeen(image, object ?? "")),
    absentSeen: similar === null ? null : share(absent, ({ image, name }) => isSeen(image, name)),
    strongestPartner: share(invented, (phrase) => inRank(phrase, 1)),
    amongThreePartners: share(invented, (phrase) => inRank(phrase, 3)),
    chanceOfPartner: chanceOf(invented, present, names.length),
    namedLast: share(invented, ({ isLast }) => isLast),
    usualColour: colours.length === 0 ? null : usualColours(colours, input, share),
  };
}

/** The mean over phrases of one in as many objects as are absent, in percent. */
function chanceOf(
  phrases: readonly ExplainedPhrase[],
  present: ReadonlyMap<string, readonly string[]>,
  all: number,
): number | null {
  if (phrases.length === 0) return null;
  const sum = phrases.reduce(
    (total, { image }) => total + 100 / Math.max(1, all - (present.get(image)?.length ?? 0)),
    0,
  );
  return sum / phrases.length;
}

function usualColours(
  phrases: readonly ExplainedPhrase[],
  { scenes, canonical }: ControlInput,
  share: (items: readonly ExplainedPhrase[], isHit: (item: ExplainedPhrase) => boolean) => Share,
): Share {
  const times = new Map<string, Map<string, number>>();
  for (const { name, colour } of [...scenes.values()].flatMap(({ objects }) => objects)) {
    if (!colour) continue;
    const own = times.get(canonical(name)) ?? new Map<string, number>();
    times.set(canonical(name), own.set(colour, (own.get(colour) ?? 0) + 1));
  }
  const usual = (object: string | null) =>
    [...(times.get(object ?? "") ?? [])].sort(([, a], [, b]) => b - a)[0]?.[0];
  return share(phrases, ({ object, text }) => usual(object) === text.toLowerCase());
}

function shareOf<T extends { readonly image: string }>(
  items: readonly T[],
  isHit: (item: T) => boolean,
  seed: number,
): Share {
  const { value, low, high, n } = shareEstimate(items, ({ image }) => image, isHit, { seed });
  const interval = low === null || high === null ? null : { low, high };
  return { count: items.filter(isHit).length, n, percent: value, interval };
}
