import { InvalidArgumentError } from "../errors.js";
import { textOf, type View } from "./view.js";

/**
 * Refuses texts that hold the text of a control token, which a tokenizer would obey: end of text, turn markers, image
 * tokens.
 *
 * @param controls texts of the model's control tokens
 * @param imageToken the one that stands for images
 * @throws InvalidArgumentError naming the token
 */
export function refuseControlTokens(
  view: View,
  controls: readonly string[],
  imageToken: string,
): void {
  for (const { role, parts } of view) {
    const name = role === "assistant" ? "answer" : "prompt";
    // A template may join the texts of a turn: what is no token in any of them may be one in all.
    const text = textOf(parts);
    const found = [imageToken, ...controls].find((control) => text.includes(control));
    if (found !== undefined) {
      throw new InvalidArgumentError(
        found === imageToken
          ? `${name}: received text with the model's image token ${found}; expected one without it (the image is put in its place by itself)`
          : `${name}: received text with the model's control token ${found}; expected one without it: write it in another way, for example with spaces`,
      );
    }
  }
}
