/** Reading through the scheduler, with and without a backend that appends several tokens at once. */
import { describe, expect, test } from "vitest";
import { withoutImages } from "../../src/engine/view.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { ids, image } from "./asked.js";

describe("reading an answer", () => {
  const question = { prompt: "What is this?", image };

  test("meets the logits that chose it, and the end of text behind it", async () => {
    const model = fakeModel();
    const answer = await model.generate({ ...question, maxTokens: 12 });
    const best: number[] = [];
    const read = await model.read(
      { ...question, answer: ids(answer) },
      { onPosition: ({ logits }) => best.push(logits.indexOf(Math.max(...logits))) },
    );
    expect(best.slice(0, -1)).toEqual(ids(answer));
    expect(best.length).toBe(ids(answer).length + 1);
    expect(read).toMatchObject({ tokens: ids(answer), hasEnd: true });
  });

  test("goes on beside answers that are generated, which stay what they are", async () => {
    const alone = await fakeModel().generate({ ...question, maxTokens: 20 });
    const model = fakeModel();
    const seen: number[][] = [];
    const [answer] = await Promise.all([
      model.generate({ ...question, maxTokens: 20 }),
      model.read(
        { ...question, answer: "Read me." },
        {
          streams: ({ view }) => [{ view }, { view: withoutImages(view) }],
          onPosition: (_, position, stream) => seen.push([stream, position]),
        },
      ),
    ]);
    expect(ids(answer)).toEqual(ids(alone));
    const positions = [...Array(" Read me.".length + 1).keys()];
    expect(seen.filter(([stream]) => stream === 0).map(([, at]) => at)).toEqual(positions);
    expect(seen.filter(([stream]) => stream === 1).map(([, at]) => at)).toEqual(positions);
  });

  test("refuses what the context has no room for before any of it is read", async () => {
    let positions = 0;
    const model = fakeModel();
    const { contextLength } = model.info;
    const reading = model.read(
      { ...question, answer: "x".repeat(contextLength) },
      { onPosition: () => positions++ },
    );
    await expect(reading).rejects.toThrow(/answer: received \d+ tokens .* expected at most \d+/);
    expect(positions).toBe(0);
  });

  test("names the answer where it holds a control token", async () => {
    const turns = [
      { role: "user", content: "What?" },
      { role: "assistant", content: "A <image>." },
      { role: "user", content: "Why?" },
    ] as const;
    await expect(fakeModel().generate({ turns })).rejects.toThrow(
      "answer: received text with the model's image token",
    );
  });

  test("tells the text of each token, of a character's last one all of it", async () => {
    const model = fakeModel();
    const { tokens, text, pieces } = await model.read(
      { ...question, answer: "\u2713 é" },
      { onPosition: () => {} },
    );
    expect(tokens.length).toBe(7);
    expect(pieces).toEqual([" ", "", "", "✓", " ", "", "é"]);
    expect(text).toBe("✓ é");
    expect(await model.decode(tokens)).toBe(" ✓ é");
    await expect(model.decode([1, 999])).rejects.toThrow("token ids of 0 to 258");
  });

  test("fails where the callback does, and lets the model go on", async () => {
    const model = fakeModel();
    const read = model.read(
      { ...question, answer: "No." },
      {
        onPosition: () => {
          throw new RangeError("mine");
        },
      },
    );
    await expect(read).rejects.toThrow("mine");
    await expect(model.generate({ ...question, maxTokens: 2 })).resolves.toBeDefined();
  });
});
