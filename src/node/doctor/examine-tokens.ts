import type { ModelFamily } from "../../families/family.js";
import { namedText } from "../tokenizer.js";
import { type Finding, fault, passed } from "./examination.js";
import { fieldsOf } from "./examine-image.js";

/** A tokenizer that has less than this share of the model's tokens is another model's: vocabularies are padded by little. */
const LEAST_SHARE = 0.75;
/** What control tokens of images have in their text. */
const OF_IMAGES = /im(age|g)|vision/i;
const REMEDY =
  "take tokenizer.json and tokenizer_config.json from the repository that config.json and the graphs come from";

/** Counts the tokens of a tokenizer. @param definition the content of tokenizer.json */
export function tokenizerSize(definition: unknown): number {
  const { model, added_tokens: added } = fieldsOf(definition);
  const { vocab } = fieldsOf(model);
  const ids = Array.isArray(vocab)
    ? vocab.length
    : Object.values(fieldsOf(vocab)).reduce<number>(
        (most, id) => Math.max(most, Number(id) + 1),
        0,
      );
  const own = Array.isArray(added) ? added.map((token) => Number(fieldsOf(token).id) + 1) : [];
  return own.reduce((most, size) => Math.max(most, size || 0), ids || 0);
}

/** Compares the tokenizer with the tokens that the model knows. @param rows how many those are, where that is told */
export function examineVocabulary(size: number, rows: number | undefined): Finding<true> {
  if (rows === undefined) return passed(`${size} tokens`);
  if (size > rows) {
    return fault(
      `the tokenizer has ${size} tokens, the model knows ${rows}: it is of another vocabulary`,
      REMEDY,
    );
  }
  if (size < LEAST_SHARE * rows) {
    return fault(
      `the tokenizer has only ${size} of the ${rows} tokens that the model knows: it is of another vocabulary`,
      REMEDY,
    );
  }
  return passed(`${size} tokens, of ${rows} that the model has room for`);
}

/**
 * Looks whether the tokens that the configuration names are among those that were added to the vocabulary, as such are, and
 * those around an image the ones that the tokenizer has for that.
 *
 * @param files contents of tokenizer.json and of tokenizer_config.json
 */
export function examineNamedTokens(
  { imageToken, marks = {}, facts }: ModelFamily,
  endTokens: readonly number[],
  files: { definition: unknown; named: unknown; tokenText: (id: number) => string },
): Finding<true> {
  const { definition, named, tokenText } = files;
  const list = fieldsOf(definition).added_tokens;
  const added = new Set(
    Array.isArray(list) ? list.map((one) => String(fieldsOf(one).content)) : [],
  );
  if (!added.has(imageToken)) {
    const similar = [...added].filter((text) => OF_IMAGES.test(text));
    if (similar.length > 0) {
      return fault(
        `config.json's image token is '${imageToken}', an ordinary token; the tokenizer has ${similar.slice(0, 5).join(", ")}`,
        `correct image_token_id or image_token_index in config.json, or ${REMEDY}`,
      );
    }
  }
  for (const [name, text] of Object.entries(marks)) {
    const own = namedText(fieldsOf(named), name);
    // Where the tokenizer calls none so, its text tells.
    const isIt = own === undefined ? added.has(text) && OF_IMAGES.test(text) : own === text;
    if (isIt) continue;
    const expected = own === undefined ? "a control token of images" : `'${own}' of the tokenizer`;
    return fault(
      `config.json's ${name} is '${text}'; expected ${expected}`,
      `correct ${name}_id or ${name}_index in config.json, or ${REMEDY}`,
    );
  }
  const end = endTokens.find((id) => !added.has(tokenText(id)));
  if (end !== undefined) {
    const text = tokenText(end);
    const found =
      text === "" ? "which the tokenizer does not know" : `'${text}', an ordinary token`;
    return fault(
      `the end of an answer is token ${end}, ${found}`,
      `correct eos_token_id in config.json and generation_config.json, or ${REMEDY}`,
    );
  }
  const ends = endTokens.map(tokenText).join(", ") || "none";
  return passed(
    `config.json is understood: context of ${facts.contextLength} tokens, image token ${imageToken}, end of answers ${ends}`,
  );
}
