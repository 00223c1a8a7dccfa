import { fakeModel } from "groundsight/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHandler, type Handler } from "../../src/server/handler.js";
import type { Inference } from "../../src/server/inference.js";
import { localInference } from "../../src/server/local-inference.js";
import { chatRequestOf, eventsOf, postChat, question, textsOf } from "./requests.js";

let inference: Inference;
let handler: Handler;
beforeAll(async () => {
  const model = fakeModel({
    respond: ({ prompt }) => (prompt.includes("dog") ? " Yes, é!\n" : "No"),
  });
  inference = await localInference(new Map([["fake", model]]));
  handler = createHandler(inference);
});
afterAll(() => inference.close());

describe("a chat", () => {
  test("is answered as OpenAI answers it", async () => {
    const { status, body } = await postChat(handler, question("A dog?"));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: "chat.completion",
      model: "fake",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Yes, é!", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      groundsight: { seed: 0, method: { name: "regular" } },
    });
  });

  test.each([
    ["messages", question("a".repeat(5000)), "received 5008 tokens"],
    [
      "messages",
      question("a".repeat(70_000)),
      "received 70000 characters of text; expected at most 65536",
    ],
    [
      "groundsight",
      question("?", { groundsight: { method: "vdgd", settings: { prompt: "a".repeat(70_000) } } }),
      "characters",
    ],
  ])(
    "that is too long is refused with the code that clients look for: %s %#",
    async (param, asked, message) => {
      const { status, body } = await postChat(handler, asked);
      expect(status).toBe(400);
      expect(body.error).toMatchObject({ param, code: "context_length_exceeded" });
      expect(body.error.message).toContain(message);
    },
  );

  test("is streamed", async () => {
    const response = await handler(
      chatRequestOf(question("A dog?", { stream: true, stream_options: { include_usage: true } })),
    );
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events = await eventsOf(response);
    expect(events.at(-1)).toBe("data: [DONE]");
    expect(textsOf(events.slice(0, -1))).toEqual(["Yes, é!"]);
    expect(events[0].choices[0].delta.role).toBe("assistant");
    expect(events.at(-3).choices[0].finish_reason).toBe("stop");
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 10 } });
  });
});
