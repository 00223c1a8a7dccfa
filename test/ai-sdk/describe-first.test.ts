/** `describeFirst` and the log-probabilities of other servers, on scripted providers. */
import { expect, test } from "vitest";
import { describeFirst } from "../../src/ai-sdk/describe-first.js";
import { logprobsExtractor } from "../../src/ai-sdk/logprobs-extractor.js";
import { verifyObjects } from "../../src/ai-sdk/verify-objects.js";
import { DESCRIBE_PROMPT } from "../../src/core.js";
import { asking, generateThrough, scriptedModel, streamThrough } from "./scripted-model.js";

const describing = () =>
  scriptedModel((question) => (/describe|list/i.test(question) ? " A red bus. " : "It is red."));

test("asks for a description of the images, and puts it in front of those of the last question", async () => {
  const { model, asked } = describing();
  const prompt = [...asking("Hello?", false), ...asking("What colour is it?").slice(1)];
  const params = { prompt, temperature: 1, providerOptions: { scripted: { store: false } } };
  const result = await generateThrough(describeFirst(), model, params);
  expect(asked).toHaveLength(2);
  expect(asked[0]).toMatchObject({
    question: expect.stringMatching(/^Describe the image in detail/),
    temperature: 0,
    maxOutputTokens: 256,
    providerOptions: { scripted: { store: false } },
  });
  expect(asked[0]?.prompt).toHaveLength(1);
  expect(asked[1]).toMatchObject({ temperature: 1 });
  expect(asked[1]?.prompt.slice(0, 2)).toEqual(prompt.slice(0, 2));
  expect(asked[1]?.prompt.at(-1)?.content).toMatchObject([
    { type: "text", text: "The input image is described as follows: A red bus. " },
    { type: "file" },
    { type: "text", text: "What colour is it?" },
  ]);
  expect(result.content).toEqual([{ type: "text", text: "It is red." }]);
  expect(result.usage).toMatchObject({ inputTokens: { total: 20 }, outputTokens: { total: 4 } });
  expect(result.providerMetadata).toEqual({ groundsight: { description: "A red bus." } });
});

test("streams tell the same at their end", async () => {
  const params = { prompt: asking("What colour is it?") };
  const { usage, providerMetadata } = await generateThrough(
    describeFirst(),
    describing().model,
    params,
  );
  const parts = await streamThrough(describeFirst(), describing().model, params);
  expect(parts.at(-1)).toMatchObject({ type: "finish", usage, providerMetadata });
});

test("a request of one's own may hold the question, and settings count", async () => {
  const { model, asked } = describing();
  const middleware = describeFirst({
    prompt: "List what {task} needs.",
    description: { maxOutputTokens: 9, temperature: 0.5 },
  });
  await generateThrough(middleware, model, { prompt: asking("$& it?") });
  expect(asked[0]).toMatchObject({
    question: "List what $& it? needs.",
    maxOutputTokens: 9,
    temperature: 0.5,
  });
});

test("without an image, or with nothing described, the prompt stays", async () => {
  const { model, asked } = describing();
  const prompt = asking("What is red?", false);
  await generateThrough(describeFirst(), model, { prompt });
  await streamThrough(describeFirst(), model, { prompt });
  expect(asked.map((call) => call.prompt)).toEqual([prompt, prompt]);
  const silent = scriptedModel(() => "  ");
  await generateThrough(describeFirst(), silent.model, { prompt: asking("What is it?") });
  expect(silent.asked[1]?.prompt).toEqual(asking("What is it?"));
});

test("log-probabilities of an OpenAI-compatible server reach verifyObjects", async () => {
  const content = [
    { token: "Yes", logprob: -2, top_logprobs: [{ token: "No", logprob: -0.2 }] },
    { token: ".", logprob: 0, top_logprobs: [] },
  ];
  const extractor = logprobsExtractor("acme");
  const chunk = (logprobs: unknown) => ({ choices: [{ delta: {}, logprobs }] });
  const whole = await extractor.extractMetadata({ parsedBody: chunk({ content }) });
  expect(whole).toEqual({ acme: { logprobs: content } });
  const streamed = extractor.createStreamExtractor();
  for (const logprobs of [{ content: content.slice(0, 1) }, null, { content: content.slice(1) }]) {
    streamed.processChunk(chunk(logprobs));
  }
  streamed.processChunk({ choices: [], usage: {} });
  expect(streamed.buildMetadata()).toEqual(whole);
  expect(await extractor.extractMetadata({ parsedBody: {} })).toBeUndefined();
  expect(extractor.createStreamExtractor().buildMetadata()).toBeUndefined();

  const { model } = scriptedModel((question) =>
    question.startsWith("Is there")
      ? { content: [{ type: "text", text: "Yes" }], providerMetadata: whole! }
      : "A fork.",
  );
  const result = await generateThrough(verifyObjects(), model, { prompt: asking("Describe.") });
  expect(result.providerMetadata?.groundsight?.verification).toMatchObject({
    doubtful: [{ object: "fork", margin: expect.closeTo(1.8) }],
  });
});

test("middlewares leave the calls of each other alone, in either order", async () => {
  const describing = describeFirst();
  const verifying = verifyObjects({ mode: "annotate" });
  for (const [inner, outer] of [
    [describing, verifying],
    [verifying, describing],
  ] as const) {
    const { model, asked } = scriptedModel((question) =>
      question.startsWith("Is there") ? "Yes." : "A bus and a cat.",
    );
    const wrapped = {
      ...model,
      doGenerate: (call: Parameters<typeof model.doGenerate>[0]) =>
        // As defaultSettingsMiddleware between them makes new options.
        generateThrough(inner, model, Object.fromEntries(Object.entries(call)) as typeof call),
    };
    const prompt = asking("What is it?");
    const { providerMetadata } = await generateThrough(outer, wrapped, { prompt });
    expect(asked.map(({ question }) => question.split("\n")[0])).toEqual([
      DESCRIBE_PROMPT,
      "What is it?",
      "Is there a bus in the image?",
      "Is there a cat in the image?",
    ]);
    expect(Object.keys(providerMetadata?.groundsight ?? {}).sort()).toEqual([
      "description",
      "verification",
    ]);
  }
});

test("wrong options are refused by name", () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => describeFirst({ promt: "x" } as object), /describeFirst: .*Unrecognized key: "promt"/],
    [() => describeFirst({ prompt: " " }), /expected a text\s+→ at prompt/],
    [
      () => describeFirst({ description: { maxTokens: 5 } as object }),
      /key: "maxTokens"\s+→ at description/,
    ],
    [
      () => verifyObjects({ objects: "cat" } as object),
      /objects: received string; expected a list/,
    ],
    [
      () => verifyObjects({ questions: 5 } as object),
      /expected object, received number\s+→ at questions/,
    ],
    [() => verifyObjects({ refusal: "x" } as object), /expected a function\s+→ at refusal/],
    [
      () => verifyObjects({ rewritePrompt: "Again!" }),
      /expected \{objects\} in it\s+→ at rewritePrompt/,
    ],
  ];
  for (const [make, message] of wrong) expect(make).toThrow(message);
});
