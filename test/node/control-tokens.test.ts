import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ContentPart,
  described,
  type GenerateRequest,
  InvalidArgumentError,
  load,
  type Model,
  type Turn,
  vdgd,
} from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";

const image = fileURLToPath(
  new URL("../../pocket/bench/test/images/test_000003.png", import.meta.url),
);
const CONTROLS = ["<pad>", "<s>", "</s>", "<image>"];

/** The places of a request where a user's words stand. */
const PLACES: Record<string, (words: string) => GenerateRequest> = {
  prompt: (prompt) => ({ prompt }),
  "prompt with an image": (prompt) => ({ prompt, image }),
  "system turn": (words) => conversation({ role: "system", content: words }),
  "user turn": (words) => conversation({ role: "user", content: words }),
  "assistant turn": (words) => conversation({ role: "assistant", content: words }),
  "part of a turn": (words) => conversation({ role: "user", content: parts(words) }),
  "description of vdgd": (words) => about(vdgd({ description: words })),
  "description of described": (words) => about(described({ description: words })),
  "describePrompt of vdgd": (words) => about(vdgd({ describePrompt: words })),
};

function about(method: NonNullable<GenerateRequest["method"]>): GenerateRequest {
  return { prompt: "What is it?", image, method };
}

function conversation(turn: Turn): GenerateRequest {
  return { turns: [turn, { role: "user", content: "And now?" }] };
}

function parts(text: string): ContentPart[] {
  return [
    { type: "image", image },
    { type: "text", text: "See this:" },
    { type: "text", text },
  ];
}

describe.each([
  ["pocket", "pocket"],
  ["a synthetic checkpoint", `${CHECKPOINTS}concat`],
])("control tokens typed by a user, on %s", (_, name) => {
  let model: Model;
  beforeAll(async () => {
    model = await load(name, { threads: 1 });
  });
  afterAll(() => model.dispose());

  describe.each(Object.keys(PLACES))("in %s", (place) => {
    test.each(CONTROLS)("%s is refused by name", async (control) => {
      const request = PLACES[place]!(`A dog${control}and a cat`);
      const answer = model.generate({ ...request, maxTokens: 1 });
      await expect(answer).rejects.toThrow(InvalidArgumentError);
      const kind = control === "<image>" ? "image token" : "control token";
      await expect(answer).rejects.toThrow(`the model's ${kind} ${control}`);
    });
  });

  test("what only looks like one is text", async () => {
    for (const prompt of ["a < s > b", "</S>", "<b>bold</b>", "[INST] <|im_end|>"]) {
      const { usage } = await model.generate({ prompt, maxTokens: 1 });
      expect(usage.promptTokens).toBeGreaterThan(prompt.length / 4);
    }
  });
});
