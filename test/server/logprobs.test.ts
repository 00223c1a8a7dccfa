import { fakeModel } from "groundsight/testing";
import { expect, test } from "vitest";
import { tokenLogprob } from "../../src/chat/token-logprob.js";
import { createHandler } from "../../src/server/handler.js";
import { localInference } from "../../src/server/local-inference.js";
import { chatRequestOf, eventsOf, type Json, postChat, question, textsOf } from "./requests.js";

test("bytes of tokens that are parts of a character make it whole again", async () => {
  const model = fakeModel({ respond: () => "é 🦊!" });
  const inference = await localInference(new Map([["fake", model]]));
  const handler = createHandler(inference);
  const asked = question("?", { logprobs: true, top_logprobs: 1 });
  const { body } = await postChat(handler, asked);
  const { content } = body.choices[0].logprobs;
  const utf8 = [...new TextEncoder().encode("é 🦊!")];
  expect(content.flatMap(({ bytes }: Json) => bytes)).toEqual(utf8);
  expect(content.flatMap(({ top_logprobs: [best] }: Json) => best.bytes)).toEqual(utf8);
  // No piece of a stream holds a part of a character, though each token comes by itself.
  const response = await handler(chatRequestOf({ ...asked, stream: true }));
  const events = (await eventsOf(response)).slice(0, -1);
  expect(textsOf(events)).toEqual(["é 🦊!"]);
  const chunks = events.flatMap(({ choices }) => choices);
  expect(chunks.map(({ delta }) => delta.content ?? "").join("")).not.toContain("\uFFFD");
  expect(chunks.flatMap(({ logprobs }) => logprobs?.content ?? [])).toEqual(content);
  await inference.close();
});

test("what the method gives no chance, and bytes that nobody knows, are told as others tell them", () => {
  const top = [{ id: 2, text: "b", logprob: -0.5 }];
  expect(tokenLogprob({ id: 1, text: "\uFFFD", logprob: null, top })).toEqual({
    token: "\uFFFD",
    logprob: -9999,
    bytes: null,
    top_logprobs: [{ token: "b", logprob: -0.5, bytes: [98] }],
  });
});
