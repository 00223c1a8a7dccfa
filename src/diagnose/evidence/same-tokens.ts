import { InvalidArgumentError, type Model, type TextModel } from "../../index.js";

/** What tokenizers cut in different ways: words, cases, numbers, marks, scripts, white space. */
const SAMPLES = [
  "The quick brown fox jumps over 13 lazy dogs, doesn't it? Yes: 3.14 (roughly)!",
  "A naïve café owner's AI-generated README: 你好, мир, שלום - ½ € 🙂",
  'if (x >= 10) {\n\treturn "photo_1.png";\n}\n\n  two blanks',
] as const;

/**
 * Makes sure that a text model reads a model's tokens as that does.
 *
 * @param tokens that it is to read
 * @throws InvalidArgumentError naming a text or a token that they read differently
 */
export async function requireSameTokens(
  model: Model,
  base: TextModel,
  tokens: readonly number[],
): Promise<void> {
  for (const text of SAMPLES) {
    const [own, others] = [await model.encode(text), base.encode(text)];
    const at = own.findIndex((id, i) => id !== others[i]);
    if (at < 0 && own.length === others.length) continue;
    refuse(model, base, `${JSON.stringify(text)} is ${shown(own)} there and ${shown(others)} here`);
  }
  for (const id of new Set(tokens)) {
    if (id >= base.vocabularySize) continue;
    const [own, other] = [await model.decode([id]), base.decode([id])];
    // Control tokens have no text, and a checkpoint may add some where its base has none.
    if (own === other || own === "" || other === "") continue;
    refuse(
      model,
      base,
      `token ${id} is ${JSON.stringify(own)} there and ${JSON.stringify(other)} here`,
    );
  }
}

function shown(ids: readonly number[]): string {
  return `[${ids.slice(0, 8).join(", ")}${ids.length > 8 ? ", ..." : ""}] (${ids.length} tokens)`;
}

function refuse({ info }: Model, { id }: TextModel, difference: string): never {
  throw new InvalidArgumentError(
    `base: ${info.id} and ${id} have different tokenizers, so that ranks of the one's tokens say nothing in the other: ${difference}. Expected the LLM that ${info.id} was tuned from or another with its tokenizer, "self" (the model without the image, an approximation), or none`,
  );
}
