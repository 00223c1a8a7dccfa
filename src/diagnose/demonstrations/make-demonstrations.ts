import { DatasetError, InvalidArgumentError } from "../../errors.js";
import {
  type CaptionRule,
  countObjects,
  type ObjectCounts,
  type ObjectFinder,
  objectFinder,
} from "../../eval/index.js";
import { SeededRandom } from "../../math/seeded-random.js";
import { type NounPhrase, nounPhrases } from "./noun-phrases.js";

/** An image with a caption that is taken for true. */
export interface TrueCaption {
  readonly image: string;
  readonly caption: string;
  /** What it answers; "Describe the image." by default. */
  readonly prompt?: string;
}

/** How the second caption of a pair was made. */
export type DemonstrationKind = "inserted" | "replaced" | "dropped";

/** A row of `steer fit --demos` (`inserted`, `replaced`) or `--controls` (`dropped`). */
export interface DemonstrationRow {
  readonly image: string;
  readonly text: string;
  /** True. Of a dropped thing: without it. */
  readonly caption: string;
  /** The same with an absent object in it. Of a dropped thing: the whole caption, true as well. */
  readonly hallucinated: string;
  readonly kind: DemonstrationKind;
  /** The absent object, or the one that was dropped. */
  readonly object: string;
}

/** Options of {@link makeDemonstrations}. */
export interface DemonstrationOptions {
  /** Objects of each image, all that are there; by default those that its captions name. */
  readonly objects?: ReadonlyMap<string, readonly string[]>;
  /** Kinds of pairs that are made of each caption; all by default. */
  readonly kinds?: readonly DemonstrationKind[];
  /** An absent object is drawn from so many that occur most often with what is there; 3 by default, at least 1. */
  readonly partners?: number;
  /** How objects are found; `colour-aware` by default. */
  readonly rule?: CaptionRule;
  /** Fixes what is drawn. Default 0. */
  readonly seed?: number;
}

/** Pairs of captions, and what no pair could be made of. */
export interface Demonstrations {
  readonly rows: readonly DemonstrationRow[];
  /** Captions without a pair of a kind. */
  readonly skipped: Readonly<Record<DemonstrationKind, number>>;
}

const KINDS: readonly DemonstrationKind[] = ["inserted", "replaced", "dropped"];

/** What pairs are made with. */
interface Workshop {
  readonly finder: ObjectFinder;
  readonly counts: ObjectCounts;
  /** How the set's captions put each object, the commonest way first. */
  readonly said: ReadonlyMap<string, readonly string[]>;
  readonly present: ReadonlyMap<string, readonly string[]>;
  readonly partners: number;
}

/**
 * Demonstrations for VTI's textual direction, of captions that are there: an absent object that often occurs with what is
 * there is put in at the end (`inserted`) or in the place of a thing, in as many words (`replaced`). `dropped` leaves a true
 * thing out and is no hallucination: a direction that agrees with such pairs is one of length (`controls` of `fitDirections`).
 * Absent objects are put as the set's other captions put them ("a banana that is yellow").
 *
 * Co-occurrence is that of the given set: P(absent | present), the largest over what is there.
 *
 * @throws InvalidArgumentError for options out of range; DatasetError when no pair can be made, or an image has no objects
 *   in `objects`
 * @see Liu et al. 2025, arXiv 2410.15778, section 3.2
 */
export function makeDemonstrations(
  captions: readonly TrueCaption[],
  {
    objects,
    kinds = KINDS,
    partners = 3,
    rule = "colour-aware",
    seed = 0,
  }: DemonstrationOptions = {},
): Demonstrations {
  if (!Number.isSafeInteger(partners) || partners < 1) {
    throw new InvalidArgumentError(
      `partners: received ${partners}; expected an integer of at least 1`,
    );
  }
  const finder = objectFinder({ rule, names: new Set([...(objects?.values() ?? [])].flat()) });
  const present = presentObjects(captions, finder, objects);
  const workshop: Workshop = {
    finder,
    present,
    partners,
    counts: countObjects(present),
    said: waysOfSaying(captions, finder),
  };
  const skipped = { inserted: 0, replaced: 0, dropped: 0 };
  const rows = captions.flatMap((caption, index) =>
    kinds.flatMap((kind) => {
      const random = new SeededRandom(seed, `demonstration ${index} ${kind}`);
      const row = pairOf(kind, caption, workshop, random);
      if (row === null) skipped[kind]++;
      return row ?? [];
    }),
  );
  if (rows.length > 0) return { rows, skipped };
  throw new DatasetError(
    `no pair can be made of ${captions.length} captions: expected captions that list things ("a cup, a dog and a car"), and objects that occur together in several images`,
  );
}

function presentObjects(
  captions: readonly TrueCaption[],
  finder: ObjectFinder,
  objects: DemonstrationOptions["objects"],
): Map<string, readonly string[]> {
  const present = new Map<string, Set<string>>();
  for (const [image, names] of objects ?? [])
    present.set(image, new Set(names.map(finder.canonical)));
  for (const { image, caption } of captions) {
    const names = present.get(image) ?? new Set<string>();
    if (objects !== undefined && !present.has(image)) {
      throw new DatasetError(
        `objects: none of image ${image}; expected those of every captioned image`,
      );
    }
    for (const { object } of finder.find(caption)) names.add(object);
    present.set(image, names);
  }
  return new Map([...present].map(([image, names]) => [image, [...names]]));
}

function waysOfSaying(
  captions: readonly TrueCaption[],
  finder: ObjectFinder,
): Map<string, readonly string[]> {
  const times = new Map<string, Map<string, number>>();
  for (const { caption } of captions) {
    for (const { object, text } of nounPhrases(caption, finder.find(caption))) {
      const own = times.get(object) ?? new Map<string, number>();
      times.set(object, own.set(text, (own.get(text) ?? 0) + 1));
    }
  }
  const ways = (own: ReadonlyMap<string, number>) =>
    [...own].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([text]) => text);
  return new Map([...times].map(([object, own]) => [object, ways(own)]));
}

function pairOf(
  kind: DemonstrationKind,
  { image, caption, prompt: text = "Describe the image." }: TrueCaption,
  workshop: Workshop,
  random: SeededRandom,
): DemonstrationRow | null {
  const phrases = nounPhrases(caption, workshop.finder.find(caption));
  const last = phrases.at(-1);
  if (last === undefined) return null;
  if (kind === "dropped") {
    const shorter = withoutLast(caption, phrases);
    if (shorter === null) return null;
    return { image, text, caption: shorter, hallucinated: caption, kind, object: last.object };
  }
  const present = workshop.present.get(image) ?? [];
  const others = workshop.counts.partners(present);
  const said = others.flatMap(({ object, strength }) => {
    const ways = workshop.said.get(object) ?? [];
    const length = wordsOf(last.text);
    const way = kind === "inserted" ? ways[0] : ways.find((one) => wordsOf(one) === length);
    return way === undefined ? [] : [{ object, strength, way }];
  });
  const drawn = draw(said.slice(0, workshop.partners), random);
  if (drawn === null) return null;
  const { object, way } = drawn;
  const hallucinated =
    kind === "inserted"
      ? withOneMore(caption, phrases, way)
      : `${caption.slice(0, last.start)}${way}${caption.slice(last.end)}`;
  return { image, text, caption, hallucinated, kind, object };
}

/** One of some, as often as it is strong; null when there is none. */
function draw<T extends { readonly strength: number }>(
  items: readonly T[],
  random: SeededRandom,
): T | null {
  let left = random.uniform() * items.reduce((sum, { strength }) => sum + strength, 0);
  for (const item of items) {
    left -= item.strength;
    if (left < 0) return item;
  }
  return items.at(-1) ?? null;
}

/** "a cup and a dog" with one more: "a cup, a dog and a car". */
function withOneMore(caption: string, phrases: readonly NounPhrase[], way: string): string {
  const last = phrases.at(-1)!;
  const before = phrases.at(-2);
  const between = before === undefined ? "" : caption.slice(before.end, last.start);
  const start =
    before !== undefined && /^,? and $/.test(between)
      ? `${caption.slice(0, before.end)}, `
      : caption.slice(0, last.start);
  return `${start}${last.text} and ${way}${caption.slice(last.end)}`;
}

/** "a cup, a dog and a car" without the last thing: "a cup and a dog"; null where it is the only one or stands alone. */
function withoutLast(caption: string, phrases: readonly NounPhrase[]): string | null {
  const [earlier, before, last] = [phrases.at(-3), phrases.at(-2), phrases.at(-1)];
  if (before === undefined || last === undefined) return null;
  if (!/^,? and $/.test(caption.slice(before.end, last.start))) return null;
  const comma = earlier !== undefined && caption.slice(earlier.end, before.start) === ", ";
  const start = comma
    ? `${caption.slice(0, earlier.end)} and ${before.text}`
    : caption.slice(0, before.end);
  return start + caption.slice(last.end);
}

function wordsOf(text: string): number {
  return text.split(/\s+/).length;
}
