// The AI SDK with its provider for OpenAI-compatible servers; run by test/clients.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, jsonSchema, streamText, tool, wrapLanguageModel } from "ai";
import { logprobsExtractor, verifyObjects } from "../../dist/ai-sdk/index.js";
import { apiKey, baseURL, image } from "./server.mjs";

const facts = ({ choices: [choice] = [], groundsight } = {}) => ({
  ...(choice?.logprobs ? { logprobs: choice.logprobs.content } : {}),
  ...choice?.groundsight,
  ...groundsight,
});
/** What the provider leaves out of a response, put into its metadata. */
const metadataExtractor = {
  extractMetadata: async ({ parsedBody }) => ({ local: facts(parsedBody) }),
  createStreamExtractor: () => {
    const seen = { logprobs: [] };
    return {
      processChunk: (chunk) => {
        const { logprobs = [], ...rest } = facts(chunk);
        Object.assign(seen, rest, { logprobs: [...seen.logprobs, ...logprobs] });
      },
      buildMetadata: () => ({ local: seen }),
    };
  },
};
const local = createOpenAICompatible({
  name: "local",
  baseURL,
  apiKey,
  includeUsage: true,
  metadataExtractor,
});
const described = (fields = {}) => ({
  model: local("pocket"),
  maxRetries: 0,
  messages: [
    {
      role: "user",
      content: [
        { type: "file", data: image, mediaType: "image/png" },
        { type: "text", text: "Describe the image." },
      ],
    },
  ],
  ...fields,
});

test("an answer about an image, with its usage", async () => {
  const { text, finishReason, usage } = await generateText(described());
  assert.match(text, /couch/);
  assert.equal(finishReason, "stop");
  assert.ok(usage.inputTokens > 64 && usage.outputTokens > 5);
});

test("streamed text is that of the answer in one piece, of one seed", async () => {
  const drawn = { temperature: 1, seed: 5 };
  const { text } = await generateText(described(drawn));
  const stream = streamText(described(drawn));
  let joined = "";
  for await (const piece of stream.textStream) joined += piece;
  assert.equal(joined, text);
  assert.ok((await stream.usage).outputTokens > 5);
});

test("a method by name and by the field groundsight, log-probabilities and evidence as metadata", async () => {
  const providerOptions = {
    local: { logprobs: true, top_logprobs: 2, groundsight: { method: "vcd", evidence: true } },
  };
  const { text, providerMetadata } = await generateText(described({ providerOptions }));
  const { logprobs, evidence, method, seed } = providerMetadata.local;
  assert.equal(
    logprobs
      .map(({ token }) => token)
      .join("")
      .trim(),
    text,
  );
  assert.deepEqual([method.name, seed, evidence.length], ["vcd", 0, logprobs.length]);
  const stream = streamText(described({ providerOptions }));
  assert.equal(await stream.text, text);
  assert.deepEqual((await stream.providerMetadata).local.logprobs, logprobs);
  assert.equal((await generateText(described({ model: local("pocket:vcd") }))).text, text);
});

test("verifyObjects asks the server back, and reads its log-probabilities", async () => {
  const acme = createOpenAICompatible({
    name: "acme",
    baseURL,
    apiKey,
    includeUsage: true,
    metadataExtractor: logprobsExtractor("acme"),
  });
  const questions = { providerOptions: { acme: { logprobs: true, top_logprobs: 20 } } };
  const middleware = verifyObjects({ mode: "drop", questions });
  const model = wrapLanguageModel({ model: acme("pocket"), middleware });
  const plain = await generateText(described());
  for (const ask of [generateText, streamText]) {
    const result = ask(described({ model }));
    const { text, providerMetadata, usage } = await (ask === generateText
      ? result
      : collected(result));
    const { objects, outcome, calls, tokens } = providerMetadata.groundsight.verification;
    if (outcome === "unchanged") assert.equal(text, plain.text);
    assert.ok(calls.questions > 1);
    for (const { margin, doubtful } of objects) {
      assert.equal(typeof margin, "number");
      assert.equal(doubtful, false);
    }
    assert.equal(usage.inputTokens, plain.usage.inputTokens + tokens.input);
  }
});

async function collected({ text, providerMetadata, usage }) {
  return {
    text: await text,
    providerMetadata: await providerMetadata,
    usage: await usage,
  };
}

test("tools are refused, and say so", async () => {
  const look = tool({ inputSchema: jsonSchema({ type: "object", properties: {} }) });
  await assert.rejects(generateText(described({ tools: { look } })), (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 400);
    assert.match(error.message, /tools are not supported/);
    return true;
  });
});

test("a wrong name, a wrong key and a method that there is not are errors of the call", async () => {
  const stranger = createOpenAICompatible({ name: "local", baseURL, apiKey: "wrong" });
  for (const [model, status] of [
    [local("other"), 404],
    [local("pocket:vdc"), 400],
    [stranger("pocket"), 401],
  ]) {
    await assert.rejects(generateText(described({ model })), { statusCode: status });
  }
});

test("an aborted stream ends, and the next is answered", async () => {
  const stop = new AbortController();
  const stream = streamText(
    described({
      temperature: 50,
      maxOutputTokens: 1000,
      abortSignal: stop.signal,
      onError: () => {},
    }),
  );
  let isAborted = false;
  for await (const { type } of stream.fullStream) {
    if (type === "text-delta") stop.abort();
    isAborted ||= type === "abort";
  }
  assert.ok(isAborted);
  assert.match((await generateText(described())).text, /couch/);
});
