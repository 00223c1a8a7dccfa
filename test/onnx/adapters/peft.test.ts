import { describe, expect, test } from "vitest";
import { readPeftConfig } from "../../../src/onnx/adapters/peft-config.js";
import { readPeftModules } from "../../../src/onnx/adapters/peft-modules.js";
import { adapterTensors } from "../../adapters.js";

const plain = { peft_type: "LORA", r: 2, lora_alpha: 8 };
/** As PEFT 0.21 writes it where nothing is asked for. */
const full = {
  ...plain,
  ...{ alora_invocation_tokens: null, alpha_pattern: {}, arrow_config: null, auto_mapping: null },
  ...{ base_model_name_or_path: "pocket", bias: "none", corda_config: null, eva_config: null },
  ...{ ensure_weight_tying: false, exclude_modules: null, fan_in_fan_out: false },
  ...{ inference_mode: true, init_lora_weights: true, kasa_config: null, layer_replication: null },
  ...{ layers_pattern: null, layers_to_transform: [0, 1], loftq_config: {}, lora_bias: false },
  ...{ lora_dropout: 0.05, megatron_config: null, megatron_core: "megatron.core" },
  ...{ modules_to_save: null, peft_version: "0.21.2", qalora_group_size: 16, rank_pattern: {} },
  ...{ revision: null, target_modules: ["q_proj"], target_parameters: null, task_type: null },
  ...{ trainable_token_indices: null, use_bdlora: null, use_dora: false, use_qalora: false },
  ...{ use_rslora: false, velora_config: null },
};

test("what PEFT writes for a plain adapter is taken", () => {
  expect(readPeftConfig(full)).toMatchObject({ r: 2, lora_alpha: 8 });
});

test.each<[Record<string, unknown>, string]>([
  [{ use_dora: true }, "use_dora: received true, which is not supported"],
  [{ lora_bias: true }, "lora_bias"],
  [{ bias: "lora_only" }, "bias"],
  [{ modules_to_save: ["lm_head"] }, 'modules_to_save: received ["lm_head"]'],
  [{ trainable_token_indices: [1, 2] }, "trainable_token_indices"],
  [{ layer_replication: [[0, 4]] }, "layer_replication"],
  [{ target_parameters: ["experts.down_proj"] }, "target_parameters"],
  [{ alora_invocation_tokens: [5] }, "alora_invocation_tokens"],
  [{ use_qalora: true }, "use_qalora"],
  [{ init_lora_weights: "pissa_niter_4" }, "init_lora_weights"],
  [{ init_lora_weights: "loftq" }, "init_lora_weights"],
  [{ use_of_the_future: { x: 1 } }, "use_of_the_future"],
  [{ peft_type: "IA3" }, "peft_type"],
  [{ r: 0 }, "r: "],
  [{ r: 1.5 }, "r: "],
  [{ lora_alpha: "8" }, "lora_alpha"],
  [{ rank_pattern: { q_proj: -1 } }, "rank_pattern.q_proj"],
])("%o is refused by name", (fields, message) => {
  const reading = () => readPeftConfig({ ...full, ...fields });
  expect(reading).toThrow(message);
  expect(reading).toThrow(expect.objectContaining({ code: "MODEL_LOAD" }));
});

test.each([null, 5, "x", [], {}])("%o is no configuration", (content) => {
  expect(() => readPeftConfig(content)).toThrow(expect.objectContaining({ code: "MODEL_LOAD" }));
});

const q = "model.language_model.layers.0.self_attn.q_proj";

test("modules have their place and their scale, by pattern and with rsLoRA", () => {
  const v = "model.language_model.layers.1.self_attn.v_proj";
  const config = {
    ...plain,
    rank_pattern: { "layers\\.1\\.self_attn\\.v_proj": 4 },
    alpha_pattern: { v_proj: 2 },
  };
  const tensors = {
    ...adapterTensors({ [q]: [6, 4] }),
    ...adapterTensors({ [v]: [6, 3] }, { rank: 4 }),
  };
  const [first, second] = readPeftModules(config, tensors);
  expect(first).toMatchObject({ path: "layers.0.self_attn.q_proj", inputs: 6, outputs: 4 });
  expect([first!.rank, first!.scale, second!.rank, second!.scale]).toEqual([2, 4, 4, 0.5]);
  const [stable] = readPeftModules({ ...plain, use_rslora: true }, adapterTensors({ [q]: [6, 4] }));
  expect(stable!.scale).toBeCloseTo(8 / Math.sqrt(2), 12);
});

test.each([
  "model.layers.0.self_attn.q_proj",
  "model.language_model.layers.0.self_attn.q_proj",
  "language_model.model.layers.0.self_attn.q_proj",
  "model.text_model.layers.0.self_attn.q_proj",
])("%s is of the language model", (name) => {
  for (const prefix of ["base_model.model.", ""]) {
    const [update] = readPeftModules(plain, adapterTensors({ [name]: [6, 4] }, { prefix }));
    expect(update!.path).toBe("layers.0.self_attn.q_proj");
  }
});

describe("what is no such module is refused by name", () => {
  const stock = adapterTensors({ [q]: [6, 4] });
  const [aName, bName] = Object.keys(stock) as [string, string];
  const { [bName]: _, ...withoutB } = stock;
  const tensor = { dims: [2], data: new Float32Array(2) };
  test.each<[string, Parameters<typeof readPeftModules>[1], string]>([
    ["no tensor at all", {}, "holds no tensor lora_A or lora_B"],
    ["half of a pair", withoutB, `${q} has no lora_B`],
    [
      "another rank",
      adapterTensors({ [q]: [6, 4] }, { rank: 3 }),
      `${q}: lora_A has shape (3, 6) and lora_B (4, 3); expected (2, inputs) and (outputs, 2)`,
    ],
    [
      "a convolution",
      { ...stock, [aName]: { dims: [2, 6, 1, 1], data: stock[aName]!.data } },
      "shape (2, 6, 1, 1)",
    ],
    [
      "numbers that are none",
      { ...stock, [aName]: { dims: [2, 6], data: stock[aName]!.data.with(3, Number.NaN) } },
      `${q} holds numbers that are not finite`,
    ],
    ["DoRA", { ...stock, [`base_model.model.${q}.lora_magnitude_vector`]: tensor }, "(DoRA)"],
    ["a bias", { ...stock, [`base_model.model.${q}.lora_B.bias`]: tensor }, "(a tuned bias)"],
    [
      "an embedding",
      { ...stock, "base_model.model.model.embed_tokens.lora_embedding_A": tensor },
      "(a tuned embedding)",
    ],
    [
      "an embedding that PEFT saved with it",
      { ...stock, "base_model.model.lm_head.base_layer.weight": tensor },
      "save_embedding_layers=False",
    ],
    [
      "a module saved whole",
      { ...stock, "base_model.model.score.weight": tensor },
      "base_model.model.score.weight is not supported (a module saved whole)",
    ],
    [
      "the vision tower",
      adapterTensors({ "model.vision_tower.encoder.layers.0.self_attn.q_proj": [6, 4] }),
      "model.vision_tower.encoder.layers.0.self_attn.q_proj is no linear module of the language model",
    ],
    [
      "the projector",
      adapterTensors({ "model.multi_modal_projector.linear_1": [6, 4] }),
      "multi_modal_projector.linear_1 is no linear module",
    ],
    [
      "two names of one module",
      { ...stock, ...adapterTensors({ "model.layers.0.self_attn.q_proj": [6, 4] }) },
      "are one module of the graph",
    ],
  ])("%s", (_, tensors, message) => {
    const reading = () => readPeftModules(plain, tensors);
    expect(reading).toThrow(message);
    expect(reading).toThrow(expect.objectContaining({ code: "MODEL_LOAD" }));
  });

  test("a pattern that is none", () => {
    const reading = () => readPeftModules({ ...plain, alpha_pattern: { "(": 1 } }, stock);
    expect(reading).toThrow('pattern "("');
  });
});
