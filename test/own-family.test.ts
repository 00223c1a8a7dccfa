import type { PromptImage, PromptTools } from "groundsight/core";
import { expect, test } from "vitest";
import { wholeSmolvlm } from "../examples/own-family.js";

const config = {
  image_token_id: 7,
  vision_config: { patch_size: 16 },
  text_config: { max_position_embeddings: 8192, eos_token_id: 2 },
};
const family = wholeSmolvlm.configure({ config, tokenText: (id) => (id === 7 ? "<image>" : "") });
/** Texts of images and answers stand behind colons; each word and each control token is a token. */
const ids = new Map([["<image>", 7]]);
const tools: PromptTools = {
  render: (turns, addPrompt) =>
    turns
      .map(({ role, parts }) => {
        const said = parts.map((part) => (part.type === "image" ? "<image>" : part.text));
        return `${role}: ${said.join("")}<end_of_utterance>\n`;
      })
      .join("") + (addPrompt ? "assistant:" : ""),
  encode: (text) =>
    (text.match(/<[^>]+>|\w+|[^\w\s]/g) ?? []).map((word) => {
      const id = ids.get(word) ?? 100 + ids.size;
      ids.set(word, id);
      return id;
    }),
  encodeText: (text) => tools.encode(text),
  decode: (some) => some.join(" "),
  controls: ["<image>"],
};
const image = (tokens: number) => ({ tokens, processed: {} }) as PromptImage;
const user = (text: string, images = 0) =>
  ({
    role: "user",
    parts: [...Array(images).fill({ type: "image" }), { type: "text", text }],
  }) as const;

test("reads the config, and refuses one without a context length", () => {
  expect(family.facts).toMatchObject({ contextLength: 8192, endTokens: [2], patchSize: 16 });
  expect(family.facts.layers).toBeUndefined();
  const broken = { ...config, text_config: {} };
  expect(() => wholeSmolvlm.configure({ config: broken, tokenText: () => "" })).toThrow(
    "text_config.max_position_embeddings is missing",
  );
});

test("each image stands framed, as many tokens as it has features, and may be shared", () => {
  const { tokens, images, sharedLengths, positions } = family.layOut(
    [user("What is this?", 1)],
    [image(5)],
    tools,
  );
  const [start, end] = [images[0]!.start, images[0]!.end];
  expect(tokens.slice(start, end)).toEqual([7, 7, 7, 7, 7]);
  const [fake, global] = ["<fake_token_around_image>", "<global-img>"].map((word) => ids.get(word));
  expect(tokens.slice(start - 2, start)).toEqual([fake, global]);
  expect(tokens[end]).toBe(fake);
  expect(sharedLengths).toEqual([end]);
  expect(positions.next).toBe(tokens.length);
});

test("a conversation begins with its earlier prompts", () => {
  const first = [user("What is this?", 1)];
  const short = family.layOut(first, [image(3)], tools);
  const said = { role: "assistant", parts: [{ type: "text", text: " a dog" }] } as const;
  const long = family.layOut([...first, said, user("Sure?")], [image(3)], tools);
  expect(long.tokens.slice(0, short.tokens.length)).toEqual(short.tokens);
  expect(long.sharedLengths).toEqual([short.images[0]!.end, short.tokens.length]);
});

test("the processor is asked for the whole image, and its mask is fed by name", async () => {
  const asked: unknown[] = [];
  const made = await family.process(
    async (_, options) => {
      asked.push(options);
      const mask = { data: Uint8Array.of(1), dims: [1, 1, 1, 1] };
      return {
        pixel_values: { data: new Float32Array(3), dims: [1, 1, 3, 1, 1] },
        pixel_attention_mask: mask,
      };
    },
    { data: new Uint8Array(3), width: 1, height: 1 },
  );
  expect(asked).toEqual([{ do_image_splitting: false }]);
  expect(Object.keys(made.inputs)).toEqual(["pixel_attention_mask"]);
});
