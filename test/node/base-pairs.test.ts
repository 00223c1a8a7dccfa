import { expect, test } from "vitest";
import { knownBase } from "../../src/node/base-pairs.js";

test("names the base LLM of models whose makers name it, and of no other", () => {
  expect(["pocket", "pocket-tuned"].map(knownBase)).toEqual(["pocket-base", "pocket-base"]);
  const smol = ["256M-Instruct", "256M-Base", "500M-Instruct", "Instruct"].map((size) =>
    knownBase(`HuggingFaceTB/SmolVLM-${size}`),
  );
  expect(smol).toEqual(
    ["135M", "135M", "360M", "1.7B"].map((size) => `HuggingFaceTB/SmolLM2-${size}-Instruct`),
  );
  expect(knownBase("HuggingFaceTB/SmolVLM2-2.2B-Instruct")).toBe(smol[3]);
  expect(knownBase("llava-hf/llava-1.5-7b-hf")).toBe("lmsys/vicuna-7b-v1.5");
  expect(knownBase("onnx-community/LFM2-VL-450M-ONNX")).toBe("onnx-community/LFM2-350M-ONNX");
  for (const name of ["./pocket", "my/SmolVLM-256M-Instruct", "onnx-community/gemma-3-4b-it-ONNX"])
    expect(knownBase(name)).toBeUndefined();
});
