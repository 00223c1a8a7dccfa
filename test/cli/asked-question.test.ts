import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { askedQuestion, questionFields, questionJson } from "../../src/cli/asked-question.js";

test("the last argument is the question, what comes before it images in order", () => {
  const asked = askedQuestion(["b.png", "https://x.y/a.jpg", "What differs?"]);
  expect(asked).toEqual({ images: ["b.png", "https://x.y/a.jpg"], question: "What differs?" });
  expect(questionFields(asked)).toEqual({
    turns: [
      {
        role: "user",
        content: [
          { type: "image", image: "b.png" },
          { type: "image", image: "https://x.y/a.jpg" },
          { type: "text", text: "What differs?" },
        ],
      },
    ],
  });
});

test("one image alone, or none, are the short form of a request, and told so in JSON", () => {
  const one = askedQuestion(["a.png", "What?"]);
  expect(questionFields(one)).toEqual({ image: "a.png", prompt: "What?" });
  expect(questionJson(one)).toEqual({ image: "a.png", images: ["a.png"], question: "What?" });
  const none = askedQuestion(["What?"]);
  expect(questionFields(none)).toEqual({ prompt: "What?" });
  expect(questionJson(none)).toEqual({ image: null, images: [], question: "What?" });
  expect(questionJson(askedQuestion(["a.png", "b.png", "What?"])).image).toBeNull();
});

test.each([
  "photo.jpg",
  "folder/PHOTO.JPEG",
  "https://example.org/one?width=3",
  "data:image/png;base64,iVBORw0KGgo=",
  "file:///tmp/one",
])("where the last argument is an image (%s), the question is missing", (image) => {
  for (const args of [[image], ["What is it?", image], ["one.png", image]]) {
    expect(() => askedQuestion(args)).toThrow(`question: missing; the last argument is the image`);
  }
});

test.each(["What is in photo.jpg", "Is data: a word?", "https is what?", "photo", ".jpg or .png?"])(
  "a question may name images: %s",
  (question) => {
    expect(askedQuestion(["one.png", question])).toEqual({ images: ["one.png"], question });
  },
);

test("an image's name may have blanks where it is there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "groundsight-asked-"));
  const path = join(folder, "my photo.jpg");
  expect(askedQuestion([path]).question).toBe(path);
  await writeFile(path, "");
  expect(() => askedQuestion([path])).toThrow("question: missing");
  await rm(folder, { recursive: true });
});
