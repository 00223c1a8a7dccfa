import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ModelLoadError } from "../../src/errors.js";
import {
  attentionWindow,
  refuseSettings,
  type SettingFate,
  settingFates,
} from "../../src/families/config-settings.js";

const PLAIN = { windows: [], capsLogits: false, capsAttention: false };
const BASE = { hidden_size: 8, max_position_embeddings: 4096 };
const ofText = (text: object) => ({ model_type: "llava", text_config: { ...BASE, ...text } });
const fatesOf = (text: object, decoder = PLAIN) =>
  settingFates(ofText(text), decoder).map(({ name, fate }) => [name, fate]);

/** Every setting that is known to change numbers in some model, and who sees to it. */
const SETTINGS: readonly [setting: object, fate: SettingFate["fate"] | "refused" | "none"][] = [
  [{ sliding_window: 512 }, "engine"],
  [{ sliding_window: 512, layer_types: ["full_attention", "sliding_attention"] }, "engine"],
  [{ logit_scale: 0.0625 }, "graph"],
  [{ logits_scaling: 8 }, "graph"],
  [{ embedding_multiplier: 12 }, "graph"],
  [{ residual_multiplier: 0.22 }, "graph"],
  [{ attention_multiplier: 0.015 }, "graph"],
  [{ query_pre_attn_scalar: 256 }, "graph"],
  [{ tie_word_embeddings: true }, "graph"],
  [{ rope_theta: 1_000_000 }, "graph"],
  [{ rope_scaling: { type: "linear", factor: 4 } }, "graph"],
  [{ rope_scaling: { rope_type: "llama3", factor: 8 } }, "graph"],
  [{ rope_scaling: { rope_type: "yarn", factor: 4 } }, "graph"],
  [{ rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] } }, "graph"],
  [{ rope_scaling: { type: "dynamic", factor: 2 } }, "refused"],
  [{ rope_scaling: { rope_type: "longrope" } }, "refused"],
  [{ rope_parameters: { full_attention: { rope_type: "longrope" } } }, "refused"],
  [{ final_logit_softcapping: 30 }, "missing"],
  [{ attn_logit_softcapping: 50 }, "missing"],
  [{ attention_chunk_size: 8192 }, "unknown"],
  [{ some_new_multiplier: 3 }, "unknown"],
  [{ alibi: true }, "unknown"],
  [{ rope_scaling: { rope_type: "spiral", factor: 2 } }, "unknown"],
  [{ layer_types: ["full_attention", "chunked_attention"] }, "unknown"],
  [{ layer_types: ["conv", "full_attention", "linear_attention"] }, "none"],
  [{ favourite_colour: "blue" }, "unlisted"],
  [{ initializer_range: 0.02, attention_dropout: 0.1, logit_scale: 1, rope_scaling: null }, "none"],
];

describe("a setting that changes numbers is the graph's, the loader's, or refused", () => {
  test.each(SETTINGS)("%j: %s", (setting, fate) => {
    if (fate === "refused") {
      expect(() => refuseSettings(ofText(setting))).toThrow(ModelLoadError);
      expect(() => fatesOf(setting)).toThrow(/text_config\.rope_\w+: received the type/);
      return;
    }
    expect(() => refuseSettings(ofText(setting))).not.toThrow();
    const [name] = Object.keys(setting);
    const expected = fate === "none" ? undefined : [`text_config.${name}`, fate];
    expect(fatesOf(setting)[0]).toEqual(expected);
  });

  test("capped logits are the graph's where it shows them", () => {
    const capped = { ...PLAIN, capsLogits: true };
    expect(fatesOf({ final_logit_softcapping: 30 }, capped)[0]![1]).toBe("graph");
    expect(fatesOf({ attn_logit_softcapping: 50 }, capped)[0]![1]).toBe("missing");
  });

  test("flat configurations are read as well", () => {
    const flat = { model_type: "llava_qwen2", ...BASE, logit_scale: 2 };
    expect(settingFates(flat, PLAIN)).toEqual([{ name: "logit_scale", value: 2, fate: "graph" }]);
  });

  test("what is said of drawing tokens is told, and what nobody knows, at any place", () => {
    const config = { ...ofText({}), vision_config: { patch_size: 8, tile_scale: 3 }, mood: 2 };
    const generation = { eos_token_id: 2, do_sample: true, repetition_penalty: 1.05, hurry: 3 };
    const fates = settingFates(config, PLAIN, generation);
    expect(fates.map(({ name, fate }) => [name, fate])).toEqual([
      ["mood", "unlisted"],
      ["vision_config.tile_scale", "unknown"],
      ["generation_config.json: do_sample", "request"],
      ["generation_config.json: repetition_penalty", "request"],
      ["generation_config.json: hurry", "unlisted"],
    ]);
  });

  test("Qwen3-VL's DeepStack is told to be left out, where there is any", () => {
    const fates = (layers: number[]) =>
      settingFates({ ...ofText({}), vision_config: { deepstack_visual_indexes: layers } }, PLAIN);
    const name = "vision_config.deepstack_visual_indexes";
    expect(fates([5, 11])).toEqual([{ name, value: [5, 11], fate: "left-out" }]);
    expect(fates([])).toEqual([]);
  });

  test("nothing of the bundled model is unknown", () => {
    const file = new URL("../../pocket/llava/config.json", import.meta.url);
    const config = JSON.parse(readFileSync(file, "utf8"));
    const fates = settingFates(config, PLAIN);
    expect(fates.map(({ name }) => name)).toContain("text_config.tie_word_embeddings");
    expect(fates.filter(({ fate }) => fate !== "graph")).toEqual([]);
  });
});

describe("the window of attention", () => {
  test.each<[text: object, window: number | undefined]>([
    [{ sliding_window: 512 }, 512],
    [{ sliding_window: 512, use_sliding_window: false }, undefined],
    [{ sliding_window: null }, undefined],
    [{ sliding_window: 4096 }, undefined],
    [{ sliding_window: 512, layer_types: ["full_attention"] }, undefined],
    [{ sliding_window: 512, model_type: "qwen2" }, undefined],
    [{ sliding_window: 512, model_type: "qwen2_vl_text", use_sliding_window: true }, 512],
  ])("of %j is %j", (text, window) => {
    expect(attentionWindow(ofText(text))).toBe(window);
  });
});
