import {
  countObjects,
  type ObjectCounts,
  objectFinder,
  readObjectAnnotations,
} from "../../eval/index.js";
import type { AnalysisData } from "../contract/analysis.js";
import { type ImageQuestion, type QuestionSet, questionSet } from "./ask-set.js";

/** Questions about what is absent are taken of all of them that are there. */
const POPE = ["pope_random.jsonl", "pope_popular.jsonl", "pope_adversarial.jsonl"];

/** A question about an absent object, and how much the data speak for it. */
export interface AbsentObject {
  readonly image: string;
  /** Share of the images that show the object, in percent. */
  readonly frequency: number;
  /** The largest share of a present object's images that show it, too, in percent. */
  readonly together: number;
}

/** Each question about an absent object once, whichever of the files it is in. */
export async function absentObjects(
  data: AnalysisData,
): Promise<{ set: QuestionSet; objects: AbsentObject[] }> {
  const truth = readObjectAnnotations(await data.file("objects_by_image.json"));
  const files = POPE.filter((file) => data.has(file));
  const sets = await Promise.all(files.map((file) => questionSet(data, file, "first-word")));
  const distinct = new Map<string, ImageQuestion>();
  for (const question of sets.flatMap(({ questions }) => questions)) {
    if (question.truth === "no") distinct.set(`${question.image}\n${question.prompt}`, question);
  }
  const finder = objectFinder({ rule: "colour-aware", names: new Set([...truth.values()].flat()) });
  const canonical = new Map(
    [...truth].map(([image, names]) => [image, [...new Set(names.map(finder.canonical))]] as const),
  );
  const counts = countObjects(canonical);
  const asked = [...distinct.values()].flatMap((question) => {
    const object = finder.find(question.prompt)[0]?.object;
    if (object === undefined) return [];
    const there = canonical.get(question.image) ?? [];
    return [{ question, about: absentObject(question.image, object, there, counts, truth.size) }];
  });
  return {
    set: { ...sets[0]!, questions: asked.map(({ question }) => question) },
    objects: asked.map(({ about }) => about),
  };
}

function absentObject(
  image: string,
  object: string,
  there: readonly string[],
  { frequency, share }: ObjectCounts,
  images: number,
): AbsentObject {
  return {
    image,
    frequency: (100 * (frequency.get(object) ?? 0)) / images,
    together: 100 * Math.max(0, ...there.map((other) => share(other, object))),
  };
}
