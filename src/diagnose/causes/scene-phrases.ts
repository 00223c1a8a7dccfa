import type { LocatedMention, ObjectFinder } from "../../eval/index.js";
import type { CheckedKind, CheckedPhrase } from "./checked-phrase.js";
import { areRelated } from "./scene-relations.js";
import type { Scene } from "./scenes.js";

const COLOUR = "red|orange|yellow|green|blue|purple|violet|pink|brown|gr[ea]y|black|white";
const COLOUR_BEHIND = new RegExp(`^(\\s+(?:that\\s+)?(?:is|are|was|were)\\s+)(${COLOUR})\\b`, "i");
const COLOUR_BEFORE = new RegExp(`\\b(${COLOUR})\\s+$`, "i");
const RELATION =
  /\b(?:(?:to the )?(?:left|right) of|above|below|under|underneath|beneath|over|next to|beside|near|behind|in front of|on top of|inside|on|in)\b/i;
const ACTION =
  /\b(?!(?:being|including|during|nothing|something|anything|everything)\b)\p{L}+ing\b/iu;

/**
 * The phrases of an answer that its image's truth can bear out: objects by CHAIR's rule; colours ("a cup that is blue", "a
 * blue cup") of things that are there; relations ("above the dog") and actions (a word in -ing, "riding a horse") between
 * two objects that are there, with nothing but their words between them. What the truth does not tell has `isTrue` null.
 *
 * Deviation from the paper, where a judge names the phrases: rules find fewer of them, and always the same.
 */
export function scenePhrases(answer: string, scene: Scene, finder: ObjectFinder): CheckedPhrase[] {
  const mentions = finder.find(answer);
  const there = new Set(scene.objects.map(({ name }) => finder.canonical(name)));
  const objects = mentions.map((mention) => {
    const isTrue = there.has(mention.object);
    return phraseAt(answer, "object", mention, mention.object, isTrue);
  });
  const known = { answer, scene, finder };
  const attributes = mentions
    .filter(({ object }) => there.has(object))
    .flatMap((mention) => colourOf(mention, known) ?? []);
  const relations = mentions.slice(1).flatMap((second, i) => {
    const first = mentions[i]!;
    if (!there.has(first.object) || !there.has(second.object)) return [];
    return relationOf(first, second, known) ?? [];
  });
  return [...objects, ...attributes, ...relations].sort((a, b) => a.start - b.start);
}

interface Known {
  readonly answer: string;
  readonly scene: Scene;
  readonly finder: ObjectFinder;
}

function phraseAt(
  answer: string,
  kind: CheckedKind,
  { start, end }: { readonly start: number; readonly end: number },
  object: string,
  isTrue: boolean | null,
): CheckedPhrase {
  return { text: answer.slice(start, end), start, end, kind, object, isTrue };
}

function colourOf(
  { object, start, end }: LocatedMention,
  { answer, scene, finder }: Known,
): CheckedPhrase | null {
  const behind = COLOUR_BEHIND.exec(answer.slice(end));
  const before = COLOUR_BEFORE.exec(answer.slice(0, start));
  const from = behind === null ? before?.index : end + behind[1]!.length;
  const said = behind?.[2] ?? before?.[1];
  if (from === undefined || said === undefined) return null;
  const colours = scene.objects
    .filter(({ name }) => finder.canonical(name) === object)
    .map(({ colour }) => colour?.toLowerCase());
  const isTrue = colours.some((colour) => !colour) ? null : colours.includes(colourName(said));
  return phraseAt(answer, "attribute", { start: from, end: from + said.length }, object, isTrue);
}

function colourName(word: string): string {
  const name = word.toLowerCase();
  if (name === "gray") return "grey";
  return name === "violet" ? "purple" : name;
}

function relationOf(
  first: LocatedMention,
  second: LocatedMention,
  { answer, scene, finder }: Known,
): CheckedPhrase | null {
  const between = answer.slice(first.end, second.start);
  if (/[,.;:!?]|\band\b/i.test(between)) return null;
  const action = ACTION.exec(between);
  const relation = RELATION.exec(between);
  const found = action ?? relation;
  if (found === null) return null;
  const words = action === null ? found[0] : between.slice(action.index);
  const isTrue = areRelated(scene, finder, first.object, words, second.object);
  const place = { start: first.end + found.index, end: second.end };
  const kind = action === null ? "relation" : "relation-action";
  return phraseAt(answer, kind, place, first.object, isTrue);
}
