import { describe, expect, test } from "vitest";
import { WHOLE_PICTURE } from "../../src/engine/feature-grid.js";
import { InferenceError, ModelLoadError } from "../../src/errors.js";
import type {
  ProcessedImage,
  PromptPart,
  PromptTools,
  PromptTurn,
} from "../../src/families/family.js";
import { llava } from "../../src/families/llava.js";
import { familyOf } from "../../src/families/registry.js";

const CONFIG = {
  model_type: "llava",
  image_token_index: 1,
  vision_config: { patch_size: 14 },
  text_config: { max_position_embeddings: 100, eos_token_id: 2, hidden_size: 8 },
};
const configured = (config: unknown = CONFIG) =>
  llava.configure({ config, tokenText: (id) => (id === 1 ? "<image>" : "") });

/** Characters as tokens; a turn is its images, each with a line break, then its texts, as LLaVA's templates have it. */
const TOOLS: PromptTools = {
  render: (turns, addPrompt) =>
    turns
      .map(({ role, parts }) => {
        const images = parts.filter(({ type }) => type === "image").map(() => "<image>\n");
        const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
        return `${role === "user" ? "U:" : "A:"}${[...images, ...texts].join("")}${role === "user" ? " " : "."}`;
      })
      .join("") + (addPrompt ? "A:" : ""),
  encode: (text) =>
    text
      .split("<image>")
      .flatMap((part, i) => [
        ...(i === 0 ? [] : [1]),
        ...[...part].map((character) => character.charCodeAt(0)),
      ]),
  encodeText: (text) => [...text].map((character) => character.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...ids),
  controls: ["<image>"],
};

const shown = { type: "image" } as const;
const said = (text: string): PromptPart => ({ type: "text", text });
const user = (...parts: PromptPart[]): PromptTurn => ({ role: "user", parts });
const model = (text: string): PromptTurn => ({ role: "assistant", parts: [said(text)] });
const ofTokens = (tokens: number) => ({ tokens, processed: {} as ProcessedImage });

/** A layout's tokens as text, `#` for an image's. */
function textOf({ tokens }: { tokens: readonly number[] }): string {
  return tokens.map((id) => (id === 1 ? "#" : String.fromCharCode(id))).join("");
}

const layOut = (turns: readonly PromptTurn[], counts: readonly number[] = []) =>
  configured().layOut(turns, counts.map(ofTokens), TOOLS);

describe("a prompt's layout", () => {
  test("puts as many image tokens as features in the place of the one, and may be cut behind them", () => {
    const layout = layOut([user(shown, said("What?"))], [3]);
    expect(textOf(layout)).toBe("U:###\nWhat? A:");
    expect(layout.images).toEqual([{ start: 2, end: 5 }]);
    expect(layout.sharedLengths).toEqual([5]);
    const length = layout.tokens.length;
    expect(layout.positions.planes.map((plane) => [...plane])).toEqual([
      Array.from({ length }, (_, i) => i),
    ]);
    expect(layout.positions.next).toBe(length);
  });

  test("keeps several images apart, in their turns", () => {
    const turns = [user(shown, shown, said("Same?")), model("No"), user(shown, said("This?"))];
    const layout = layOut(turns, [1, 2, 3]);
    expect(textOf(layout)).toBe("U:#\n##\nSame? A:No.U:###\nThis? A:");
    expect(layout.images).toEqual([
      { start: 2, end: 3 },
      { start: 4, end: 6 },
      { start: 20, end: 23 },
    ]);
    // Behind the images of each turn, and behind the prompt that the first answer was given to.
    const earlier = "U:#\n##\nSame? A:".length;
    expect(layout.sharedLengths).toEqual([6, earlier, 23]);
    expect(textOf(layout).slice(0, earlier)).toBe(textOf(layOut(turns.slice(0, 1), [1, 2])));
  });

  test("writes images into the text where they stand behind or between words", () => {
    const layout = layOut([user(said("Left: "), shown, said(" right: "), shown)], [1, 2]);
    expect(textOf(layout)).toBe("U:Left: #\n right: ##\n A:");
    expect(layout.sharedLengths).toEqual([textOf(layout).lastIndexOf("#") + 1]);
  });

  test("of text alone may be cut behind earlier prompts only", () => {
    expect(layOut([user(said("Hi"))]).sharedLengths).toEqual([]);
    const layout = layOut([user(said("Hi")), model("Yo"), user(said("So"))]);
    expect(layout.sharedLengths).toEqual(["U:Hi A:".length]);
  });

  test("is refused where the template lost an image", () => {
    const lossy = { ...TOOLS, render: () => "U:hello" };
    const lay = () => configured().layOut([user(shown, said("?"))], [ofTokens(2)], lossy);
    expect(lay).toThrow(InferenceError);
    expect(lay).toThrow("put 0 image tokens into a prompt with 1 image;");
  });
});

describe("a checkpoint's facts", () => {
  test("are what the configuration says, and nothing that it leaves out", () => {
    expect(configured().facts).toEqual({
      contextLength: 100,
      vocabularySize: undefined,
      hiddenSize: 8,
      layers: undefined,
      endTokens: [2],
      patchSize: 14,
    });
    expect(configured().imageToken).toBe("<image>");
    const { text_config: text } = CONFIG;
    expect(configured({ ...CONFIG, eos_token_id: [5, 6] }).facts.endTokens).toEqual([5, 6]);
    const { eos_token_id: _, ...noEnd } = text;
    expect(configured({ ...CONFIG, text_config: noEnd }).facts.endTokens).toEqual([]);
  });

  test.each([
    [{ ...CONFIG, text_config: {} }, "text_config.max_position_embeddings"],
    [{ ...CONFIG, text_config: undefined }, "text_config"],
    [{ ...CONFIG, image_token_index: undefined }, "image_token_index or image_token_id"],
    [{ ...CONFIG, image_token_index: 9 }, "id 9, which the tokenizer does not know"],
    [{ ...CONFIG, image_token_index: -1 }, "id -1, which the tokenizer does not know"],
    [null, "config.json"],
  ])("that are wrong are refused by the field's name (%#)", (config, message) => {
    expect(() => configured(config)).toThrow(ModelLoadError);
    expect(() => configured(config)).toThrow(message);
  });
});

test("an image is its pixel values, which show the whole picture", async () => {
  const pixels = { data: new Uint8Array(3), width: 1, height: 1 };
  const values = { data: Float32Array.of(1, 2, 3), dims: [1, 3, 1, 1], more: "of the library's" };
  const processed = await configured().process(async (given, options) => {
    expect([given, options]).toEqual([pixels, {}]);
    return { pixel_values: values, original_sizes: [] };
  }, pixels);
  expect(processed).toEqual({
    pixels: { data: values.data, dims: values.dims },
    pixelsInput: "pixel_values",
    inputs: {},
    layout: WHOLE_PICTURE,
  });
});

test("a family is found by the model type of its checkpoints", () => {
  expect(familyOf("llava")).toBe(llava);
  expect(() => familyOf("bert")).toThrow(ModelLoadError);
  expect(() => familyOf("bert")).toThrow("received model_type 'bert'; supported are llava");
});
