import { pluralize, singularize } from "inflection";
import {
  CHAIR_ANIMALS,
  CHAIR_DOUBLE_WORDS,
  CHAIR_RENAMED,
  CHAIR_SYNONYMS,
  CHAIR_VEHICLES,
} from "../words/chair-words.js";

/** An object named in a caption: the word used and the object it stands for. */
export interface Mention {
  readonly word: string;
  readonly object: string;
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

const TOKEN = /[\p{L}\p{N}]+(?:[-'’][\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/gu;

/**
 * CHAIR's reading of a caption: lower case, tokens, singular forms, double words merged ("fire
 * hydrant"), "seat" dropped when "toilet" is there, then each word that the vocabulary knows.
 *
 * Deviation from the authors' code: tokens by a regular expression and singular forms by the
 * `inflection` library in the place of NLTK and pattern.
 *
 * @param extra names that count besides CHAIR's words, for data with other objects
 * @see https://github.com/LisaAnne/Hallucination utils/chair.py, caption_to_words
 */
export function captionObjects(extra: Iterable<string> = []): FindMentions {
  const vocabulary = new Map(CHAIR_VOCABULARY);
  const doubles = new Map(DOUBLE_WORDS);
  for (const name of extra) {
    if (vocabulary.has(name)) continue;
    vocabulary.set(name, name);
    if (name.includes(" ")) doubles.set(name, name);
  }
  const singulars = singularForms([...vocabulary.keys(), ...doubles.keys()]);
  const singular = (word: string): string => {
    let form = singulars.get(word);
    if (form === undefined) {
      form = /^\p{L}/u.test(word) ? singularize(word) : word;
      singulars.set(word, form);
    }
    return form;
  };
  return (caption) => {
    const tokens = (caption.toLowerCase().match(TOKEN) ?? []).map(singular);
    const words = mergeDoubleWords(tokens, doubles);
    const toilet = words.includes("toilet");
    return words.flatMap((word) => {
      const object = toilet && word === "seat" ? undefined : vocabulary.get(word);
      return object === undefined ? [] : [{ word, object }];
    });
  };
}

/**
 * Singular forms of the words that matter, seeded from the vocabulary: a general rule alone makes "ty" of
 * "ties" and "scissor" of "scissors".
 */
function singularForms(names: readonly string[]): Map<string, string> {
  const words = new Set(names.flatMap((name) => name.split(" ")));
  const plurals = [...words].map((word): [string, string] => [pluralize(word), word]);
  return new Map([...plurals, ...[...words].map((word): [string, string] => [word, word])]);
}

function mergeDoubleWords(
  tokens: readonly string[],
  doubles: ReadonlyMap<string, string>,
): string[] {
  const words: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const merged = doubles.get(`${tokens[i]} ${tokens[i + 1]}`);
    words.push(merged ?? tokens[i] ?? "");
    if (merged !== undefined) i++;
  }
  return words;
}
