import { expect, test } from "vitest";
import { withTextConfig } from "../../src/families/flat-config.js";
import { llava } from "../../src/families/llava.js";

const TEXT = {
  hidden_size: 8,
  num_hidden_layers: 2,
  vocab_size: 30,
  max_position_embeddings: 100,
  eos_token_id: 2,
};
const REST = { model_type: "llava", image_token_index: 1, vision_config: { patch_size: 14 } };
const facts = (config: unknown) => llava.configure({ config, tokenText: () => "<image>" }).facts;

test("a flat config, and one with phi_config, say what one with text_config says", () => {
  const expected = facts({ ...REST, text_config: TEXT });
  expect(expected).toMatchObject({ contextLength: 100, hiddenSize: 8, layers: 2, endTokens: [2] });
  expect(facts({ ...REST, ...TEXT })).toEqual(expected);
  expect(facts({ ...REST, phi_config: TEXT })).toEqual(expected);
});

test("text_config comes first, and what is nowhere is left to be refused by name", () => {
  const both = { ...REST, ...TEXT, max_position_embeddings: 7, text_config: TEXT };
  expect(withTextConfig(both)).toBe(both);
  for (const config of [REST, null, 3, [], { ...REST, text_config: null }]) {
    expect(withTextConfig(config)).toBe(config);
  }
  expect(() => facts(REST)).toThrow("config.json: text_config: ");
});
