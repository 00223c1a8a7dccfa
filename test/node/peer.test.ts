import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  AutoProcessor,
  LlavaForConditionalGeneration,
  RawImage,
  type Tensor,
} from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { load } from "../../src/index.js";
import { openImage } from "../../src/node/images/open-image.js";
import { CHECKPOINTS } from "../global-setup.js";

/** Width and height of the images that a random checkpoint takes. */
const SIDE = 16;
const pocket = fileURLToPath(new URL("../../pocket/", import.meta.url));
const hasPocket =
  existsSync(`${pocket}llava/onnx/decoder_model_merged.onnx`) && existsSync(`${pocket}bench/test`);
if (!hasPocket)
  console.warn("SKIPPED: comparison with transformers.js on pocket/llava, as it is not there");

interface Question {
  readonly image: string | { data: Uint8Array; width: number; height: number; channels: 3 };
  readonly prompt: string;
  readonly maxTokens: number;
}

/** What stock transformers.js generates greedily from the same files, without the end-of-text token. */
async function stockAnswers(folder: string, questions: readonly Question[]): Promise<number[][]> {
  const local = { local_files_only: true };
  const processor = await AutoProcessor.from_pretrained(folder, local);
  const model = await LlavaForConditionalGeneration.from_pretrained(folder, {
    ...local,
    dtype: "fp32",
    session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
  });
  const answers: number[][] = [];
  for (const { image, prompt, maxTokens } of questions) {
    const { data, width, height } = await (await openImage(image)).decode();
    const content = [{ type: "image" }, { type: "text", text: prompt }];
    const text = processor.apply_chat_template(
      [{ role: "user", content: content as unknown as string }],
      {
        add_generation_prompt: true,
      },
    );
    const inputs = await processor(new RawImage(data, width, height, 3), text, {
      add_special_tokens: false,
    });
    const output = (await model.generate({
      ...inputs,
      max_new_tokens: maxTokens,
      do_sample: false,
    })) as Tensor;
    const tokens = Array.from(output.data as BigInt64Array, Number).slice(inputs.input_ids.dims[1]);
    answers.push(tokens.at(-1) === 2 ? tokens.slice(0, -1) : tokens);
  }
  await model.dispose();
  return answers;
}

async function ownAnswers(folder: string, questions: readonly Question[]): Promise<number[][]> {
  await using model = await load(folder, { threads: 1 });
  const answers = await model.generateBatch(questions);
  return answers.map(({ tokens }) => tokens.map(({ id }) => id));
}

/** The first questions of each benchmark file, images varied, and captions. */
function pocketQuestions(): Question[] {
  const bench = `${pocket}bench/test/`;
  const take = (file: string, count: number, maxTokens: number): Question[] => {
    const lines = readFileSync(bench + file, "utf8")
      .trim()
      .split("\n");
    const step = Math.floor(lines.length / count);
    return Array.from({ length: count }, (_, i) => {
      const { image, text } = JSON.parse(lines[i * step]!) as { image: string; text: string };
      return { image: `${bench}images/${image.replace(/^images\//, "")}`, prompt: text, maxTokens };
    });
  };
  return [
    ...take("pope_adversarial.jsonl", 40, 16),
    ...take("colours.jsonl", 30, 16),
    ...take("counts.jsonl", 15, 16),
    ...take("reasoning.jsonl", 15, 32),
    ...take("captions.jsonl", 20, 64),
  ];
}

describe("greedy tokens equal those of stock transformers.js generate()", () => {
  test("on a random checkpoint", async () => {
    const questions = Array.from({ length: 10 }, (_, i): Question => {
      // Of the checkpoint's size: stock transformers.js resizes without antialiasing.
      const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, j) => (j * (i + 5) * 37) % 251);
      return {
        image: { data, width: SIDE, height: SIDE, channels: 3 },
        prompt: `Question ${i ** 5}?`,
        maxTokens: 4 + 3 * i,
      };
    });
    for (const attention of ["concat", "group-query"]) {
      const stock = await stockAnswers(CHECKPOINTS + attention, questions);
      expect(await ownAnswers(CHECKPOINTS + attention, questions)).toEqual(stock);
      expect(new Set(stock.map((tokens) => tokens.join())).size).toBe(questions.length);
    }
  });

  test.skipIf(!hasPocket)(
    "on 100 questions and 20 captions of the pocket model",
    { timeout: 300_000 },
    async () => {
      const questions = pocketQuestions();
      expect(questions).toHaveLength(120);
      const stock = await stockAnswers(`${pocket}llava`, questions);
      expect(await ownAnswers(`${pocket}llava`, questions)).toEqual(stock);
    },
  );
});
