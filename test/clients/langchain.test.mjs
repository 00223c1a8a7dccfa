// LangChain's chat model of OpenAI; run by test/clients.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { apiKey, baseURL, image } from "./server.mjs";

const chat = (fields = {}) =>
  new ChatOpenAI({ model: "pocket", apiKey, configuration: { baseURL }, maxRetries: 0, ...fields });
const messages = [
  new SystemMessage("Answer about the image."),
  new HumanMessage({
    content: [
      { type: "image_url", image_url: { url: image } },
      { type: "text", text: "Describe the image." },
    ],
  }),
];

test("an answer about an image, with usage", async () => {
  const { content, usage_metadata } = await chat().invoke(messages);
  assert.match(content, /couch/);
  assert.ok(usage_metadata.input_tokens > 64);
});

test("streamed text is that of the answer in one piece", async () => {
  const { content } = await chat({ model: "pocket:vcd" }).invoke(messages);
  let joined = "";
  for await (const chunk of await chat({ model: "pocket:vcd" }).stream(messages)) {
    joined += chunk.content;
  }
  assert.equal(joined, content);
});

test("log-probabilities, and the field groundsight", async () => {
  const model = chat({
    logprobs: true,
    topLogprobs: 2,
    modelKwargs: { groundsight: { method: "vcd" } },
  });
  const { content, response_metadata } = await model.invoke(messages);
  assert.equal(
    response_metadata.logprobs.content
      .map(({ token }) => token)
      .join("")
      .trim(),
    content,
  );
  assert.equal(content, (await chat({ model: "pocket:vcd" }).invoke(messages)).content);
});

test("tools and unknown models are refused with what the server says", async () => {
  const look = { type: "function", function: { name: "look", parameters: { type: "object" } } };
  await assert.rejects(chat().bindTools([look]).invoke(messages), /400.*tools are not supported/s);
  await assert.rejects(chat({ model: "other" }).invoke(messages), /404/);
});

test("an aborted call ends", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  const hot = chat({ temperature: 50, maxTokens: 1000 });
  await assert.rejects(hot.invoke(messages, { signal: stop.signal }), /abort/i);
});
