// The provider and the middlewares in the AI SDK itself; run by test/ai-sdk/with-ai.test.ts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import {
  customProvider,
  generateText,
  NoSuchModelError,
  Output,
  streamText,
  tool,
  wrapLanguageModel,
} from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { z } from "zod";
import { createGroundsight, describeFirst, verifyObjects } from "../../dist/ai-sdk/index.js";
import { load } from "../../dist/index.js";

const file = new URL("../../pocket/bench/dev/images/dev_000145.png", import.meta.url);
const bytes = readFileSync(file);
const groundsight = createGroundsight({ load: { threads: 1 } });
after(() => groundsight.dispose());

const asked = (text, image = { type: "file", mediaType: "image", data: bytes }) => ({
  maxRetries: 0,
  messages: [{ role: "user", content: [...(image ? [image] : []), { type: "text", text }] }],
});
const model = groundsight("pocket");

test("generateText says what the model says", async () => {
  const own = await load("pocket", { threads: 1 });
  const expected = await own.generate({ image: bytes, prompt: "Describe the image." });
  await own.dispose();
  const { text, usage, finishReason, rawFinishReason, warnings, response } = await generateText({
    model,
    ...asked("Describe the image."),
  });
  assert.equal(text, expected.text);
  assert.equal(usage.inputTokens, expected.usage.promptTokens);
  assert.equal(usage.outputTokens, expected.usage.generatedTokens);
  assert.deepEqual([finishReason, rawFinishReason], ["stop", "eos"]);
  assert.deepEqual(warnings ?? [], []);
  assert.equal(response.modelId, "pocket");
});

test("images in every form, several turns, and instructions", async () => {
  const base64 = bytes.toString("base64");
  const forms = [base64, `data:image/png;base64,${base64}`, new Uint8Array(bytes)];
  const texts = await Promise.all(
    forms.map((data) =>
      generateText({
        model,
        ...asked("Describe the image.", { type: "file", mediaType: "image/png", data }),
      }),
    ),
  );
  assert.equal(new Set(texts.map(({ text }) => text)).size, 1);
  const first = asked("Describe the image.");
  const { usage } = await generateText({
    model,
    instructions: "Be brief.",
    ...first,
    messages: [
      ...first.messages,
      { role: "assistant", content: texts[0].text },
      { role: "user", content: "What colour is the bus?" },
    ],
  });
  assert.ok(usage.inputTokens > texts[0].usage.inputTokens + texts[0].usage.outputTokens);
});

test("streamText gives the same text, in pieces, and its facts", async () => {
  const options = { model: groundsight("pocket:vcd"), ...asked("Describe the image."), seed: 3 };
  const whole = await generateText(options);
  const result = streamText(options);
  const pieces = [];
  for await (const piece of result.textStream) pieces.push(piece);
  assert.ok(pieces.length > 5);
  assert.equal(pieces.join(""), whole.text);
  assert.equal(await result.finishReason, whole.finishReason);
  assert.deepEqual((await result.usage).outputTokens, whole.usage.outputTokens);
  const { method, seed } = (await result.providerMetadata).groundsight;
  assert.equal(seed, 3);
  assert.equal(method.name, "vcd");
});

test("log-probabilities, evidence and phrases stand in the metadata", async () => {
  const { text, providerMetadata, usage } = await generateText({
    model,
    ...asked("Describe the image."),
    providerOptions: { groundsight: { logprobs: 3, evidence: true, verify: true } },
  });
  const { logprobs, evidence, phrases, doubtful } = providerMetadata.groundsight;
  assert.equal(logprobs.length, usage.outputTokens);
  assert.equal(logprobs[0].top_logprobs.length, 3);
  assert.equal(logprobs[0].top_logprobs[0].token, logprobs[0].token);
  assert.equal(evidence.length, usage.outputTokens);
  assert.ok(phrases.length > 0);
  for (const phrase of phrases) assert.equal(text.slice(phrase.start, phrase.end), phrase.text);
  assert.ok(Array.isArray(doubtful));
});

test("what there is not is a warning", async () => {
  const warned = [];
  const { warnings, text } = await generateText({
    model,
    ...asked("Is there a bus in the image?"),
    tools: { look: tool({ inputSchema: z.object({}), execute: () => "nothing" }) },
    presencePenalty: 1,
  });
  warned.push(...warnings.map(({ type, feature }) => `${type} ${feature}`));
  assert.deepEqual(warned, ["unsupported tools", "unsupported presencePenalty"]);
  assert.match(text, /^(Yes|No)/);
  await assert.rejects(
    generateText({ model, ...asked("?"), output: Output.object({ schema: z.object({}) }) }),
    { name: "AI_NoObjectGeneratedError" },
  );
});

test("an abort ends an answer, streamed or not", async () => {
  const abortSignal = AbortSignal.abort();
  await assert.rejects(generateText({ model, ...asked("?"), abortSignal }), { name: "AbortError" });
  const stop = new AbortController();
  const { stream } = streamText({
    model,
    ...asked("Describe the image."),
    abortSignal: stop.signal,
    onError: () => assert.fail("an abort is no error"),
  });
  const types = [];
  for await (const { type } of stream) {
    types.push(type);
    if (type === "text-delta") stop.abort();
  }
  assert.equal(types.at(-1), "abort");
});

test("errors say what is wrong", async () => {
  const wrong = { ...asked("?"), providerOptions: { groundsight: { method: "nothing" } } };
  await assert.rejects(generateText({ model, ...wrong }), { code: "INVALID_ARGUMENT" });
  const errors = [];
  const { stream } = streamText({ model, ...wrong, onError: ({ error }) => errors.push(error) });
  for await (const _ of stream);
  assert.equal(errors[0].code, "INVALID_ARGUMENT");
  assert.throws(
    () => groundsight.imageModel("x"),
    (error) => NoSuchModelError.isInstance(error),
  );
});

/** A provider that answers by a script, with the questions that it was asked. */
function scripted(answers) {
  const questions = [];
  const answer = ({ prompt }) => {
    const question = prompt.at(-1).content.at(-1).text;
    questions.push(question.split("\n")[0]);
    const text = answers(question);
    return {
      content: [{ type: "text", text }],
      finishReason: { unified: "stop", raw: "stop" },
      usage: { inputTokens: { total: 10 }, outputTokens: { total: 2 } },
      warnings: [],
    };
  };
  const mock = new MockLanguageModelV4({
    provider: "hosted",
    doGenerate: async (call) => answer(call),
    doStream: async (call) => {
      const { content, ...ended } = answer(call);
      const [{ text }] = content;
      return {
        stream: ReadableStream.from([
          { type: "stream-start", warnings: [] },
          { type: "text-start", id: "1" },
          ...text.split(/(?= )/).map((delta) => ({ type: "text-delta", id: "1", delta })),
          { type: "text-end", id: "1" },
          { type: "finish", ...ended },
        ]),
      };
    },
  });
  return { mock, questions };
}

const denying = (question) => {
  const [, object] = /^Is there an? (.*) in the image/.exec(question) ?? [];
  if (object !== undefined) return object === "fork" ? "No" : "Yes";
  return /^(The following|Describe the image in detail)/.test(question)
    ? "A dog on a couch."
    : "A dog sits on a couch. A fork lies there.";
};

test("verifyObjects on any provider: the right questions, the right removal, and the cost told", async () => {
  for (const [mode, text, calls, tokens] of [
    ["annotate", "A dog sits on a couch. A fork lies there.", [3, 0], 40],
    ["drop", "A dog sits on a couch.", [3, 0], 40],
    ["rewrite", "A dog on a couch.", [3, 1], 50],
  ]) {
    for (const ask of [generateText, streamText]) {
      const { mock, questions } = scripted(denying);
      const wrapped = wrapLanguageModel({ model: mock, middleware: verifyObjects({ mode }) });
      const result = await ask({ model: wrapped, ...asked("Describe.") });
      assert.equal(await result.text, text);
      const { verification } = (await result.providerMetadata).groundsight;
      assert.deepEqual(Object.values(verification.calls), calls);
      assert.equal((await result.usage).inputTokens, tokens);
      assert.equal(questions.length, 1 + calls[0] + calls[1]);
      assert.equal(questions[3], "Is there a fork in the image?");
    }
  }
  const { mock } = scripted(denying);
  const model = wrapLanguageModel({ model: mock, middleware: verifyObjects({ mode: "refuse" }) });
  const { text, finishReason } = await generateText({ model, ...asked("Describe.") });
  assert.equal(finishReason, "content-filter");
  assert.match(text, /fork/);
});

test("verifyObjects and describeFirst one behind the other; without an image neither asks", async () => {
  const { mock, questions } = scripted(denying);
  const middleware = [verifyObjects({ mode: "drop" }), describeFirst()];
  const provider = customProvider({
    languageModels: { careful: wrapLanguageModel({ model: mock, middleware }) },
  });
  const careful = provider.languageModel("careful");
  const { providerMetadata } = await generateText({ model: careful, ...asked("What is there?") });
  assert.equal(providerMetadata.groundsight.description, "A dog on a couch.");
  assert.equal(providerMetadata.groundsight.verification.outcome, "shortened");
  questions.length = 0;
  await generateText({ model: careful, ...asked("What is there?", null) });
  assert.deepEqual(questions, ["What is there?"]);
});

test("verifyObjects on a model of this process asks by log-probabilities", async () => {
  const wrapped = wrapLanguageModel({ model, middleware: verifyObjects() });
  const { text, providerMetadata } = await generateText({
    model: wrapped,
    ...asked("Describe the image."),
  });
  const { objects, calls } = providerMetadata.groundsight.verification;
  assert.ok(calls.questions > 2);
  for (const { margin, start, end, word } of objects) {
    assert.equal(typeof margin, "number");
    assert.ok(text.slice(start, end).includes(word));
  }
});
