import { InvalidArgumentError } from "../errors.js";

/** Settings of `generate` that `withMethod` has of its own, by the name it has for them. */
const OWN: Readonly<Record<string, string>> = {
  do_sample: "temperature",
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  logits_processor: "method",
};

/** Settings that change logits before a processor sees them, or what is done with them, and when they do nothing. */
const IN_THE_WAY: Readonly<Record<string, (value: unknown) => boolean>> = {
  repetition_penalty: (value) => value === 1,
  no_repeat_ngram_size: (value) => value === 0,
  bad_words_ids: () => false,
  min_length: (value) => value === 0,
  min_new_tokens: (value) => value === 0,
  forced_bos_token_id: () => false,
  forced_eos_token_id: () => false,
  suppress_tokens: () => false,
  begin_suppress_tokens: () => false,
  guidance_scale: (value) => value === 1,
  num_beams: (value) => value === 1,
  num_return_sequences: (value) => value === 1,
};

/**
 * Refuses settings that would change a method without a word: transformers.js applies temperature and penalties before its
 * processors, and draws from the 50 best tokens where nothing is said.
 *
 * @param given what `generate` is to be given
 * @param config the model's own defaults, which hold where nothing is given
 * @throws InvalidArgumentError naming the setting, where it stands and what to do
 */
export function checkGenerationSettings(
  given: Readonly<Record<string, unknown>>,
  config: unknown,
): void {
  for (const [name, own] of Object.entries(OWN)) {
    if (given[name] === undefined || given[name] === null) continue;
    throw new InvalidArgumentError(
      `withMethod: ${name} would act before the method, or in its place; give ${own} in withMethod's own options`,
    );
  }
  if (given.generation_config !== undefined && given.generation_config !== null) {
    throw new InvalidArgumentError(
      "withMethod: generation_config would bring settings that act before the method; give each by its name",
    );
  }
  const defaults = (config ?? {}) as Readonly<Record<string, unknown>>;
  for (const [name, doesNothing] of Object.entries(IN_THE_WAY)) {
    const isGiven = given[name] !== undefined;
    const value = isGiven ? given[name] : defaults[name];
    if (value === undefined || value === null || doesNothing(value)) continue;
    const where = isGiven ? "" : " of the model's generation_config.json";
    const remedy = isGiven
      ? "leave it out"
      : `give ${name}: null beside the inputs, or load the model with groundsight's load()`;
    throw new InvalidArgumentError(
      `withMethod: ${name}${where} would change logits before the method sees them, or what becomes of them; ${remedy}`,
    );
  }
}
