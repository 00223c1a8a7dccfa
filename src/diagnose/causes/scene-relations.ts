import type { ObjectFinder } from "../../eval/index.js";
import type { Scene } from "./scenes.js";

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Relations that places decide: whether the first thing lies so to the second. */
const BY_PLACE: readonly (readonly [RegExp, (first: Place, second: Place) => boolean])[] = [
  [/left of/i, (first, second) => first.x < second.x],
  [/right of/i, (first, second) => first.x > second.x],
  [/\b(above|over)\b/i, (first, second) => first.y < second.y],
  [/\b(below|under|underneath|beneath)\b/i, (first, second) => first.y > second.y],
];

/**
 * Whether two things of a scene are related as some words say. A list of relations decides where the scene has one that is
 * about both, else the places of their centres, for left, right, above and below; null where neither does, or a thing is
 * there several times.
 */
export function areRelated(
  { objects, relations }: Scene,
  { canonical }: ObjectFinder,
  first: string,
  words: string,
  second: string,
): boolean | null {
  const listed = relations?.filter(
    ([subject, , object]) => canonical(subject) === first && canonical(object) === second,
  );
  if (listed !== undefined && listed.length > 0) {
    return listed.some(([, said]) => words.toLowerCase().startsWith(said.toLowerCase()));
  }
  const holds = BY_PLACE.find(([pattern]) => pattern.test(words))?.[1];
  const [one, other] = [first, second].map((name) => {
    const places = objects.filter((object) => canonical(object.name) === name);
    const { x, y } = places[0] ?? {};
    return places.length === 1 && x !== undefined && y !== undefined ? { x, y } : undefined;
  });
  if (holds === undefined || one === undefined || other === undefined) return null;
  return holds(one, other);
}
