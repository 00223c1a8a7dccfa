import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { described } from "../../src/methods/described.js";
import { contextLogits, fakeModel } from "../../src/testing/fake-model.js";
import { fakeText, IMAGE_TOKEN_ID } from "../../src/testing/fake-tokens.js";
import { ids, image } from "../engine/asked.js";

const ask = { image, prompt: "Is there a dog?", maxTokens: 8 };

/** A model that says what it is shown before its answer, `[image]` for an image. */
function shown() {
  const prompts = new Set<string>();
  const model = fakeModel({
    logits(context) {
      const marked = context.map(({ id }, i) =>
        id !== IMAGE_TOKEN_ID
          ? fakeText([id])
          : context[i - 1]?.id === IMAGE_TOKEN_ID
            ? ""
            : "[image]",
      );
      prompts.add(marked.join("").split("\nMODEL:").slice(0, -1).join("\nMODEL:"));
      return contextLogits(context, ({ prompt }) => (prompt === "What?" ? "A cat." : "Yes."));
    },
  });
  return { model, prompts };
}

test("asks for a description, and puts it before the image of the question in the authors' words", async () => {
  const { model, prompts } = shown();
  const answer = await model.generate({ ...ask, method: described({ describePrompt: "What?" }) });
  expect(answer.text).toBe("Yes.");
  expect(answer.details).toEqual({ description: "A cat." });
  expect([...prompts]).toEqual([
    "[image]What?",
    "The input image is described as follows: A cat. [image]Is there a dog?",
  ]);
});

test("after-image stands between image and question", async () => {
  const { model, prompts } = shown();
  const method = described({ description: "A fox.", order: "after-image" });
  await model.generate({ ...ask, method });
  expect([...prompts].at(-1)).toBe(
    "[image]The input image is described as follows: A fox. Is there a dog?",
  );
});

test("it changes the question alone: the model's own logits choose the answer", async () => {
  const description = "a cat on a table";
  const method = described({ description, order: "after-image" });
  const answer = await fakeModel().generate({ ...ask, method });
  const plain = await fakeModel().generate({
    ...ask,
    prompt: `The input image is described as follows: ${description} ${ask.prompt}`,
  });
  expect(ids(answer)).toEqual(ids(plain));
  expect(answer.tokens).toEqual(plain.tokens);
});

test("needs an image, and refuses what it does not know", async () => {
  await expect(fakeModel().generate({ prompt: "?", method: described() })).rejects.toThrow(
    "method described needs an image; received none",
  );
  expect(() => described({ order: "before" as "before-image" })).toThrow(InvalidArgumentError);
  expect(() => described({ beta: 1 } as object)).toThrow("described has no option 'beta'");
});
