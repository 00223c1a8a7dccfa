import { type MakeBaseForms, patternForms } from "./base-forms.js";
import {
  CHAIR_ANIMALS,
  CHAIR_DOUBLE_WORDS,
  CHAIR_RENAMED,
  CHAIR_SYNONYMS,
  CHAIR_VEHICLES,
} from "./chair-words.js";

/** An object named in a caption: the word used and the object it stands for. */
export interface Mention {
  readonly word: string;
  readonly object: string;
  /** Its tokens in the caption: first, and last exclusive. */
  readonly tokens: readonly [number, number];
}

/** Finds the mentions of known objects in a caption, in order, repeats included. */
export type FindMentions = (caption: string) => Mention[];

const DOUBLE_WORDS: ReadonlyMap<string, string> = new Map([
  ...CHAIR_DOUBLE_WORDS.map((pair): [string, string] => [pair, pair]),
  ...CHAIR_ANIMALS.flatMap((animal): [string, string][] => [
    [`baby ${animal}`, animal],
    [`adult ${animal}`, animal],
  ]),
  ...CHAIR_VEHICLES.map((vehicle): [string, string] => [`passenger ${vehicle}`, vehicle]),
  ...Object.entries(CHAIR_RENAMED),
]);

/** CHAIR's vocabulary: each word that counts, with the COCO object it stands for. */
export const CHAIR_VOCABULARY: ReadonlyMap<string, string> = new Map(
  CHAIR_SYNONYMS.replaceAll("\n  ", " ")
    .trim()
    .split("\n")
    .flatMap((line) => {
      const words = line.split(",").map((word) => word.trim());
      return words.map((word): [string, string] => [word, words[0] ?? word]);
    }),
);

/**
 * CHAIR's reading of a caption: lower case, tokens, base forms, double words merged ("fire hydrant"), "seat"
 * dropped when "toilet" is there, then each word that the vocabulary knows.
 *
 * @param extra names that count besides CHAIR's words, for data with other objects
 * @param makeForms how base forms are found; those of the script of 2018 by default
 * @see https://github.com/LisaAnne/Hallucination utils/chair.py, caption_to_words
 */
export function captionObjects(
  extra: Iterable<string> = [],
  makeForms: MakeBaseForms = patternForms,
): FindMentions {
  const others = [...extra].filter((name) => !CHAIR_VOCABULARY.has(name));
  const names = [...CHAIR_VOCABULARY.keys(), ...DOUBLE_WORDS.keys(), ...DOUBLE_WORDS.values()];
  const words = new Set([...names, ...others].flatMap((name) => name.toLowerCase().split(" ")));
  const formsOf = makeForms(words);
  // A name that is not CHAIR's is looked for in the form that its own words get.
  const forms = others.map((name): [string, string] => [formsOf(name).join(" "), name]);
  const vocabulary = new Map([...forms, ...CHAIR_VOCABULARY]);
  const doubles = new Map([
    ...forms.map(([form]): [string, string] => [form, form]),
    ...DOUBLE_WORDS,
  ]);
  return (caption) => {
    const found = mergeDoubleWords(formsOf(caption), doubles);
    const toilet = found.some(({ word }) => word === "toilet");
    return found.flatMap(({ word, tokens }) => {
      const object = toilet && word === "seat" ? undefined : vocabulary.get(word);
      return object === undefined ? [] : [{ word, object, tokens }];
    });
  };
}

function mergeDoubleWords(
  tokens: readonly string[],
  doubles: ReadonlyMap<string, string>,
): Omit<Mention, "object">[] {
  const words: Omit<Mention, "object">[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const merged = doubles.get(`${tokens[i]} ${tokens[i + 1]}`);
    const end = merged === undefined ? i + 1 : i + 2;
    words.push({ word: merged ?? tokens[i] ?? "", tokens: [i, end] });
    i = end - 1;
  }
  return words;
}
