import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ModelLoadError } from "../../src/errors.js";
import { FAMILIES, familyOf } from "../../src/families/registry.js";
import { diagnose } from "../../src/index.js";
import {
  CHECKPOINTS,
  layOutCase,
  openCheckpoint,
  openModel,
  readReference,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import { changeJson, copyOf } from "../node/doctor/damage.js";

const STOCK = new URL(
  "../../node_modules/@huggingface/transformers/src/models/registry.js",
  import.meta.url,
);

/** Model types that the installed transformers.js maps to classes that take a text and something else. */
function stockTypes(): string[] {
  const source = readFileSync(STOCK, "utf8");
  const mappings = ["IMAGE_TEXT_TO_TEXT", "VISION_2_SEQ", "AUDIO_TEXT_TO_TEXT"].map((task) => {
    const mapping = new RegExp(`MODEL_FOR_${task}_MAPPING_NAMES = new Map\\(\\[(.*?)\\]\\);`, "s");
    const types = mapping.exec(source)![1]!.matchAll(/^\s*\['([\w-]+)', '\w+'\],$/gm);
    return [...types].map(([, type]) => type!);
  });
  return [...new Set(mappings.flat())];
}

describe("of the model types that the installed transformers.js maps to multimodal models", () => {
  const types = stockTypes();
  const taken = new Set(FAMILIES.flatMap(({ modelTypes }) => modelTypes));

  test("those of every version so far are found", () => {
    expect(types).toEqual(expect.arrayContaining(["llava", "glm_ocr", "idefics3", "voxtral"]));
    expect(types.length).toBeGreaterThanOrEqual(26);
  });

  test.each(types.filter((type) => !taken.has(type)))("%s is refused with the reason", (type) => {
    expect(() => familyOf(type)).toThrow(ModelLoadError);
    expect(() => familyOf(type)).toThrow(`'${type}', which cannot be run here: `);
  });

  test("every type that is taken is one of them", () => {
    expect([...taken].filter((type) => !types.includes(type))).toEqual([]);
  });
});

test("qwen3_vl_moe is asked as qwen3_vl is", async () => {
  const folder = await copyOf("qwen3-vl-gqa", CHECKPOINTS);
  await changeJson(folder, "config.json", (config) => {
    config.model_type = "qwen3_vl_moe";
    config.text_config.model_type = "qwen3_vl_moe_text";
  });
  const reference = readReference("qwen3-vl-gqa");
  const [made] = Object.values(reference.cases).filter(({ vision }) => vision.length > 0);
  const backend = await openCheckpoint(folder);
  const { prompt } = await layOutCase(backend, reference, made!);
  expect(prompt.tokens).toEqual(made!.tokens);
  expect(prompt.positions.planes.map((plane) => [...plane])).toEqual(made!.positions);
  const model = await openModel(folder);
  expect(ids(await model.generate(requestOf(reference, made!)))).toEqual(made!.greedy);
  const { healthy } = await diagnose(folder, { threads: 1, stock: false });
  expect(healthy).toBe(true);
});
