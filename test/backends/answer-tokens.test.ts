/** An answer given as text has the tokens that it would have been generated with. */
import { describe, expect, test } from "vitest";
import { answerTokens } from "../../src/backends/onnx/answer-tokens.js";
import type { PromptTools, PromptTurn } from "../../src/families/family.js";
import { readFamily } from "../../src/node/checkpoint-folder.js";
import { loadProcessors } from "../../src/node/processors.js";
import { CHECKPOINTS } from "../checkpoints.js";

const POCKET = new URL("../../pocket/llava", import.meta.url).pathname;

describe("stands behind a prompt as the chat template writes it", () => {
  test.each([
    [POCKET, " "],
    ["llava-concat", " "],
    ["idefics3-concat", " "],
    ["moondream1-concat", " "],
    ["qwen2-vl-concat", ""],
    // The prompt ends in "<think>\n", which the template leaves out of earlier answers.
    ["qwen3.5-gqa", ""],
    // The template writes a blank more before earlier answers.
    ["llava-onevision-concat", ""],
    ["gemma3-gqa", ""],
    ["lfm2-vl-gqa", ""],
    ["paligemma-concat", ""],
  ])("%s", async (name, space) => {
    const path = name.startsWith("/") ? name : CHECKPOINTS + name;
    const { prompts } = await loadProcessors(path, readFamily(path).family.chatTemplate);
    const answer = "A red bus: it is red.";
    expect(answerTokens(answer, prompts)).toEqual(prompts.encodeText(space + answer));
  });
});

describe("other tokenizers and templates", () => {
  /** A token a character; a mark in front of every text, as SentencePiece's. */
  const marking = (over: Partial<PromptTools> = {}): PromptTools => {
    const encodeText = (text: string) => [...`_${text}`].map((one) => one.charCodeAt(0));
    const render = (turns: readonly PromptTurn[], asks: boolean) =>
      turns.map(({ role, parts }) => `${role}: ${Object.values(parts[0]!)[1]}`).join("|") +
      (asks ? "|assistant:" : "");
    const decode = (ids: readonly number[]) => String.fromCharCode(...ids);
    return { render, encode: encodeText, encodeText, decode, controls: [], ...over };
  };
  const textOf = (tools: PromptTools) => tools.decode(answerTokens("Yes.", tools));

  test("what is put in front of a text that stands alone does not stand in an answer", () => {
    expect(textOf(marking())).toBe(" Yes.");
  });

  test("a text that would grow together with the prompt is encoded alone", () => {
    const { encodeText } = marking();
    const growing = (text: string) => encodeText(text.replace("assistant: Y", "#"));
    expect(textOf(marking({ encodeText: growing }))).toBe("_ Yes.");
  });

  test("a template that takes no text alone leaves a blank in front", () => {
    const render = () => {
      throw new Error("an image, please");
    };
    expect(textOf(marking({ render }))).toBe(" Yes.");
  });
});
