import { describe, expect, test } from "vitest";
import { InferenceError, ModelLoadError, ShapeError } from "../../src/errors.js";
import type {
  FamilyPlugin,
  ImageProcessor,
  ProcessedImage,
  PromptImage,
  PromptTools,
  PromptTurn,
} from "../../src/families/family.js";
import { qwen2Vl, qwen3Vl, qwen25Vl } from "../../src/families/qwen-vl.js";
import { familyOf } from "../../src/families/registry.js";

const TEXT = {
  max_position_embeddings: 100,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 50,
};
const VISION = { patch_size: 2, spatial_merge_size: 2, temporal_patch_size: 2 };
const NESTED = { image_token_id: 1, vision_config: VISION, text_config: TEXT, eos_token_id: 3 };
const { text_config: _, ...FLAT } = { ...NESTED, ...TEXT };
const configured = (plugin: FamilyPlugin = qwen2Vl, config: unknown = NESTED) =>
  plugin.configure({ config, tokenText: (id) => (id === 1 ? "<|image_pad|>" : "") });

/** Characters as tokens, images in the place where they stand, as Qwen's templates have it. */
const TOOLS: PromptTools = {
  render: (turns, addPrompt) =>
    turns
      .map(
        ({ role, parts }) =>
          `[${role}]${parts.map((part) => (part.type === "image" ? "<<|image_pad|>>" : part.text)).join("")};`,
      )
      .join("") + (addPrompt ? "[assistant]" : ""),
  encode: (text) =>
    text
      .split("<|image_pad|>")
      .flatMap((part, i) => [...(i === 0 ? [] : [1]), ...[...part].map((c) => c.charCodeAt(0))]),
  encodeText: (text) => [...text].map((c) => c.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...ids),
  controls: ["<|image_pad|>"],
};
const shown = { type: "image" } as const;
const said = (text: string) => ({ type: "text", text }) as const;
const user = (...parts: PromptTurn["parts"]): PromptTurn => ({ role: "user", parts });
/** An image of some patches, each four of which are a token. */
const image = (rows: number, columns: number): PromptImage => ({
  processed: { layout: { rows, columns } } as ProcessedImage,
  tokens: (rows * columns) / 4,
});

describe("a prompt's layout", () => {
  test("has an image's tokens in its place, with rows and columns as positions", () => {
    const layout = configured().layOut([user(said("a"), shown, said("b"))], [image(4, 6)], TOOLS);
    const begin = "[user]a<".length;
    expect(layout.images).toEqual([{ start: begin, end: begin + 6 }]);
    expect(layout.sharedLengths).toEqual([begin + 6]);
    const planes = layout.positions.planes.map((plane) => [...plane].slice(begin, begin + 7));
    const at = (...places: number[]) => places.map((place) => begin + place);
    expect(planes).toEqual([
      at(0, 0, 0, 0, 0, 0, 3),
      at(0, 0, 0, 1, 1, 1, 3),
      at(0, 1, 2, 0, 1, 2, 3),
    ]);
    expect(layout.positions.next).toBe(layout.tokens.length - 3);
  });

  test("takes several images anywhere in a conversation, of any sizes", () => {
    const turns = [
      user(shown, said("x"), shown),
      { role: "assistant", parts: [said("y")] } as const,
      user(said("z"), shown),
    ];
    const layout = configured().layOut(turns, [image(2, 2), image(2, 8), image(2, 2)], TOOLS);
    expect(layout.images.map(({ start, end }) => end - start)).toEqual([1, 4, 1]);
    const first = configured().layOut(turns.slice(0, 1), [image(2, 2), image(2, 8)], TOOLS);
    expect(layout.sharedLengths).toEqual([
      layout.images[1]!.end,
      first.tokens.length,
      layout.images[2]!.end,
    ]);
    expect(layout.tokens.slice(0, first.tokens.length)).toEqual(first.tokens);
    first.positions.planes.forEach((plane, i) => {
      expect(layout.positions.planes[i]!.slice(0, plane.length)).toEqual(plane);
    });
  });

  test("of text alone goes on at its length", () => {
    const { tokens, positions } = configured().layOut([user(said("hello"))], [], TOOLS);
    expect(positions.next).toBe(tokens.length);
    for (const plane of positions.planes) expect([...plane]).toEqual(tokens.map((_, i) => i));
  });

  test("is refused where the encoder made another number of tokens than the grid says", () => {
    const wrong = { ...image(4, 4), tokens: 16 };
    const lay = () => configured().layOut([user(shown)], [wrong], TOOLS);
    expect(lay).toThrow(InferenceError);
    expect(lay).toThrow("made 16 tokens of 4 x 4 patches; expected 4, one for 2 x 2");
  });
});

describe("an image", () => {
  const patches = Float32Array.from({ length: 8 * 24 }, (_, i) => i);
  const processor =
    (grid: number[], dims = [8, 24]): ImageProcessor =>
    async () => ({
      pixel_values: { data: patches, dims },
      image_grid_thw: { data: BigInt64Array.from(grid, BigInt), dims: [1, 3] },
    });
  const pixels = { data: new Uint8Array(3), width: 1, height: 1 };

  test.each([
    [qwen2Vl, "grid_thw"],
    [qwen25Vl, "image_grid_thw"],
    [qwen3Vl, "image_grid_thw"],
  ])(
    "is one image for variants, and patches with a grid for the graph (%#)",
    async (plugin, name) => {
      const made = await configured(plugin).process(processor([1, 2, 4]), pixels);
      expect(made.pixels.dims).toEqual([1, 3, 4, 8]);
      expect(made.inputs).toEqual({ [name]: { data: BigInt64Array.of(1n, 2n, 4n), dims: [1, 3] } });
      expect(made.layout).toEqual({ rows: 2, columns: 4 });
      const doubled = { ...made.pixels, data: made.pixels.data.map((value) => 2 * value) };
      const fed = made.toInput!(doubled);
      expect(fed.dims).toEqual([8, 24]);
      // The second of a patch's two frames stands for both.
      const channel = fed.data.subarray(0, 8);
      expect([...channel]).toEqual([8, 10, 12, 14, 8, 10, 12, 14]);
    },
  );

  test("of several frames, or with patches of another size, is refused", async () => {
    const family = configured();
    const film = family.process(processor([2, 2, 2]), pixels);
    await expect(film).rejects.toThrow("made a grid of 2 x 2 x 2 of one image");
    await expect(family.process(processor([1, 2, 4], [8, 23]), pixels)).rejects.toThrow(ShapeError);
  });
});

describe("a checkpoint's facts", () => {
  test.each([
    ["nested", NESTED],
    ["flat", FLAT],
  ])("are read of a %s configuration", (_name, config) => {
    expect(configured(qwen2Vl, config).facts).toEqual({
      contextLength: 100,
      vocabularySize: 50,
      hiddenSize: 8,
      layers: 2,
      cachedLayers: 2,
      endTokens: [3],
      patchSize: 2,
      cache: { heads: 1, headSize: 4 },
    });
  });

  test("are the generation's where the configuration is silent on patches", () => {
    const config = { ...NESTED, vision_config: {} };
    expect(configured(qwen25Vl, config).facts.patchSize).toBe(14);
    expect(configured(qwen3Vl, config).facts.patchSize).toBe(16);
  });

  test.each([
    [{ ...NESTED, text_config: undefined }, "text_config"],
    [{ ...NESTED, text_config: {} }, "text_config.max_position_embeddings"],
    [{ ...NESTED, image_token_id: undefined }, "image_token_id"],
    [{ ...NESTED, image_token_id: 9 }, "id 9, which the tokenizer does not know"],
    [{ ...NESTED, vision_config: undefined }, "vision_config"],
  ])("that are wrong are refused by the field's name (%#)", (config, message) => {
    expect(() => configured(qwen2Vl, config)).toThrow(ModelLoadError);
    expect(() => configured(qwen2Vl, config)).toThrow(message);
  });

  test("belong to the generation of the model type", () => {
    expect(["qwen2_vl", "qwen2_5_vl", "qwen3_vl"].map(familyOf)).toEqual([
      qwen2Vl,
      qwen25Vl,
      qwen3Vl,
    ]);
  });
});
