import { describe, expect, test } from "vitest";
import { fakeModel } from "../../src/testing/fake-model.js";
import { image } from "./asked.js";

describe("text and tokens", () => {
  test("a scripted answer comes back, ends with the end token, and is counted", async () => {
    const model = fakeModel({ respond: () => " Yes, a dog." });
    const answer = await model.generate({ prompt: "Is there a dog?", image });
    expect(answer).toMatchObject({
      text: "Yes, a dog.",
      finishReason: "eos",
      seed: 0,
      details: {},
    });
    expect(answer.usage).toEqual({
      promptTokens: 1 + 4 + 15 + 7,
      imageTokens: 4,
      generatedTokens: 12,
    });
    expect(answer.method).toEqual({ name: "regular", settings: {} });
    expect(answer.timings.totalMs).toBeGreaterThan(0);
  });

  test("an answer that ends at once is empty", async () => {
    const answer = await fakeModel({ respond: () => "" }).generate({ prompt: "?" });
    expect(answer).toMatchObject({ text: "", tokens: [], finishReason: "eos" });
    expect(answer.timings.msPerToken).toBeNull();
  });

  test("streamed pieces never split a character, and joined they are the text", async () => {
    const text = "Grüße 🦊🇫🇷 – 日本語 ok";
    const stream = fakeModel({ respond: () => text }).stream({ prompt: "?" });
    const pieces: string[] = [];
    for await (const { text: piece } of stream) pieces.push(piece);
    expect(pieces.join("")).toBe(text);
    expect(pieces.every((piece) => !piece.includes("\uFFFD"))).toBe(true);
    expect((await stream.answer).text).toBe(text);
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(15);
  });

  test("an answer cut inside a character still streams to its full text", async () => {
    const stream = fakeModel({ respond: () => "a🦊" }).stream({ prompt: "?", maxTokens: 3 });
    let text = "";
    for await (const piece of stream) text += piece.text;
    expect(text.startsWith("a\uFFFD")).toBe(true);
    expect((await stream.answer).text).toBe(text);
  });

  test("stop texts end the answer, across tokens, and are neither shown nor streamed", async () => {
    const stream = fakeModel({ respond: () => "one. two. three" }).stream({
      prompt: "?",
      stop: ["wo. t", "xyz"],
    });
    let text = "";
    for await (const piece of stream) text += piece.text;
    const answer = await stream.answer;
    expect(answer).toMatchObject({ text: "one. t", finishReason: "stop" });
    expect(text).toBe("one. t");
  });

  test("text that only looked like a stop is given back at the end", async () => {
    const stream = fakeModel({ respond: () => "a ##" }).stream({ prompt: "?", stop: ["###"] });
    let text = "";
    for await (const piece of stream) text += piece.text;
    expect(text).toBe("a ##");
  });

  test("the context bounds the answer", async () => {
    const answer = await fakeModel({ contextLength: 20, respond: () => "z".repeat(50) }).generate({
      prompt: "hello",
    });
    expect(answer.finishReason).toBe("length");
    expect(answer.usage.promptTokens + answer.usage.generatedTokens).toBe(20);
  });

  test("alternatives are sorted log-probabilities that hold the chosen token", async () => {
    const { tokens } = await fakeModel().generate({ prompt: "?", maxTokens: 5, topLogprobs: 4 });
    for (const { id, logprob, top } of tokens) {
      expect(top).toHaveLength(4);
      expect(top![0]).toMatchObject({ id, logprob });
      const logprobs = top!.map((token) => token.logprob!);
      expect([...logprobs].sort((a, b) => b - a)).toEqual(logprobs);
      expect(logprobs.reduce((sum, value) => sum + Math.exp(value), 0)).toBeLessThanOrEqual(1);
    }
  });
});
