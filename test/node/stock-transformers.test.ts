import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  AutoModelForImageTextToText,
  AutoProcessor,
  env,
  type PreTrainedModel,
  type Processor,
  RawImage,
  type Tensor,
} from "@huggingface/transformers";
import { beforeAll, describe, expect, test } from "vitest";

const pocket = fileURLToPath(new URL("../../pocket/", import.meta.url));
const present = existsSync(`${pocket}llava/onnx/vision_encoder.onnx`);
if (!present) console.warn("SKIPPED: stock transformers.js tests, as pocket/llava is not there");

const IMAGE_TOKEN_ID = 3n;

interface LlavaInputs {
  input_ids: Tensor;
  attention_mask: Tensor;
  pixel_values: Tensor;
}

/** A 96 x 96 image of one grey. */
function greyImage(level: number): RawImage {
  return new RawImage(new Uint8ClampedArray(96 * 96 * 3).fill(level), 96, 96, 3);
}

describe.skipIf(!present)("pocket/llava in stock transformers.js", () => {
  let processor: Processor;

  beforeAll(async () => {
    env.allowRemoteModels = false;
    env.localModelPath = pocket;
    processor = await AutoProcessor.from_pretrained("llava");
  });

  function promptFor(question: string): string {
    const content = [{ type: "image" }, { type: "text", text: question }];
    return processor.apply_chat_template([{ role: "user", content }], {
      add_generation_prompt: true,
    }) as string;
  }

  test("renders the prompt that the model was tuned on", () => {
    expect(promptFor("Is there a dog in the image?")).toBe(
      "<s>USER: <image>\nIs there a dog in the image? ASSISTANT:",
    );
  });

  test("renders several turns and plain string contents", () => {
    const messages = [
      { role: "user", content: "What colour is a banana usually?" },
      { role: "assistant", content: "Yellow." },
      { role: "user", content: "And a tomato?" },
    ];
    expect(processor.apply_chat_template(messages, { add_generation_prompt: true })).toBe(
      "<s>USER: What colour is a banana usually? ASSISTANT: Yellow.</s>USER: And a tomato? ASSISTANT:",
    );
  });

  test("expands <image> to 64 tokens behind a single <s> and scales pixels to [-1, 1]", async () => {
    const inputs: LlavaInputs = await processor(greyImage(255), promptFor("What is this?"));
    const ids = [...(inputs.input_ids.data as BigInt64Array)];
    expect(ids.filter((id) => id === IMAGE_TOKEN_ID)).toHaveLength(64);
    expect(ids.filter((id) => id === 1n)).toEqual([1n]);
    expect(ids[0]).toBe(1n);
    expect(inputs.pixel_values.dims).toEqual([1, 3, 96, 96]);
    expect(new Set(inputs.pixel_values.data as Float32Array)).toEqual(new Set([1]));
  });

  test.each(["fp32", "q8"] as const)("answers a question about an image (%s)", async (dtype) => {
    const model: PreTrainedModel = await AutoModelForImageTextToText.from_pretrained("llava", {
      dtype,
      device: "cpu",
    });
    try {
      const question = promptFor("Is there a dog in the image?");
      const inputs: LlavaInputs = await processor(greyImage(128), question);
      const output = (await model.generate({ ...inputs, max_new_tokens: 16 })) as Tensor;
      const answer = output.slice(null, [inputs.input_ids.dims[1]!, output.dims[1]!]);
      const [text] = processor.batch_decode(answer, { skip_special_tokens: true });
      expect(text).toMatch(/^ (Yes|No)\b/);
    } finally {
      await model.dispose();
    }
  });
});
