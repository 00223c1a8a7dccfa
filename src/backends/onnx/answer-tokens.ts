import type { PromptTools, PromptTurn } from "../../families/family.js";

const QUESTION: PromptTurn = { role: "user", parts: [{ type: "text", text: "?" }] };
const ANSWER = "Yes";

/**
 * The tokens of an answer where the chat template puts it: behind the prompt for the model's turn, with the white space
 * that the template writes between the two.
 *
 * @param answer without white space at its ends
 */
export function answerTokens(answer: string, prompts: PromptTools): number[] {
  const before = promptBefore(prompts);
  const text = spaceBefore(before, prompts) + answer;
  const prompt = prompts.encodeText(before);
  const whole = prompts.encodeText(before + text);
  // Some tokenizers put a mark in front of a text that stands alone. What grows together with the prompt's end was never generated.
  return prompt.every((token, i) => whole[i] === token)
    ? whole.slice(prompt.length)
    : prompts.encodeText(text);
}

/** The rendered prompt for an answer; empty where the template takes no question without an image. */
function promptBefore({ render }: PromptTools): string {
  try {
    return render([QUESTION], true);
  } catch {
    return "";
  }
}

/** What the template writes between the prompt and an answer; a blank where it does not tell, unless the prompt ends in white space. */
function spaceBefore(before: string, { render }: PromptTools): string {
  const usual = /\s$/.test(before) ? "" : " ";
  const turn: PromptTurn = { role: "assistant", parts: [{ type: "text", text: ANSWER }] };
  try {
    const whole = render([QUESTION, turn], false);
    if (!whole.startsWith(before)) return usual;
    return /^(\s*)Yes/.exec(whole.slice(before.length))?.[1] ?? usual;
  } catch {
    return usual;
  }
}
