import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load, type Model, methodFromText } from "groundsight";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHandler, type Handler } from "../../src/server/handler.js";
import { localInference } from "../../src/server/local-inference.js";
import { chatRequestOf, eventsOf, type Json, postChat, textsOf } from "./requests.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bytes = readFileSync(`${root}pocket/bench/dev/images/dev_000145.png`);
const url = `data:image/png;base64,${bytes.toString("base64")}`;
const text = "Describe the image.";

let model: Model;
let handler: Handler;
beforeAll(async () => {
  model = await load("pocket", { threads: 1 });
  handler = createHandler(await localInference([model]));
});
afterAll(() => model.dispose());

const asking = (name: string, more: object): object => ({
  model: name,
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url, detail: "low" } },
        { type: "text", text },
      ],
    },
  ],
  ...more,
});

interface Settings {
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly stop?: string[];
  readonly seed?: number;
  readonly n?: number;
}

describe.each<[string, Settings]>([
  ["pocket", { max_tokens: 12 }],
  ["pocket:vcd", { max_tokens: 12, seed: 3 }],
  ["pocket", { temperature: 1, seed: 7, n: 2, max_completion_tokens: 12 }],
  ["pocket:vcd:alpha=0.5", { temperature: 0.8, top_p: 0.9, top_k: 20, seed: 5, stop: ["."] }],
])("%s with %j", (name, settings) => {
  test("says in a stream what it says at once, and what the model says without a server", async () => {
    const asked = asking(name, { ...settings, logprobs: true, top_logprobs: 3 });
    const { body } = await postChat(handler, asked);
    const streamed = await handler(
      chatRequestOf({ ...asked, stream: true, stream_options: { include_usage: true } }),
    );
    const events = (await eventsOf(streamed)).slice(0, -1);

    expect(textsOf(events)).toEqual(body.choices.map((choice: Json) => choice.message.content));
    const chunks = events.flatMap(({ choices }) => choices);
    for (const [index, choice] of body.choices.entries()) {
      const own = chunks.filter((chunk) => chunk.index === index);
      const told = own.flatMap(({ logprobs }) => logprobs?.content ?? []);
      expect(told).toEqual(choice.logprobs.content);
      expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([
        choice.finish_reason,
      ]);
      const { temperature = 0, top_p = 1, top_k, stop = [], seed = 0 } = settings;
      const answer = await model.generate({
        turns: [
          {
            role: "user",
            content: [
              { type: "image", image: bytes },
              { type: "text", text },
            ],
          },
        ],
        method: methodFromText(name.split(":").slice(1).join(":") || "regular"),
        seed: seed + index,
        topLogprobs: 3,
        temperature,
        topP: top_p,
        stop,
        maxTokens: settings.max_tokens ?? settings.max_completion_tokens ?? 128,
        ...(top_k === undefined ? {} : { topK: top_k }),
      });
      expect(choice.message.content).toBe(answer.text);
      expect(choice.logprobs.content.map(({ token, logprob }: Json) => [token, logprob])).toEqual(
        answer.tokens.map(({ text, logprob }) => [text, logprob ?? -9999]),
      );
      expect(
        choice.logprobs.content.map(({ top_logprobs }: Json) =>
          top_logprobs.map(({ token, logprob }: Json) => [token, logprob]),
        ),
      ).toEqual(
        answer.tokens.map(({ top }) => top!.map(({ text, logprob }) => [text, logprob ?? -9999])),
      );
      expect(choice.groundsight.seed).toBe(answer.seed);
      expect(body.groundsight.method).toEqual(answer.method);
    }
    expect(events.at(-1)).toMatchObject({ choices: [], usage: body.usage });
    expect(body.usage.prompt_tokens_details.image_tokens).toBe(64);
  });
});

test("evidence and doubtful words are told where they are asked for, in a stream at its end", async () => {
  const asked = asking("pocket", { max_tokens: 8, groundsight: { evidence: true, verify: true } });
  const { body } = await postChat(handler, asked);
  const [choice] = body.choices;
  const { evidence, phrases, doubtful } = choice.groundsight;
  expect(evidence).toHaveLength(8);
  expect(evidence[0]).toMatchObject({ probability: expect.any(Number), distorted: {} });
  expect(phrases.length).toBeGreaterThan(0);
  expect(doubtful).toEqual(
    phrases.filter((phrase: Json) => phrase.doubtful).map((phrase: Json) => phrase.text),
  );
  const response = await handler(chatRequestOf({ ...asked, stream: true }));
  const [last] = (await eventsOf(response)).at(-2).choices;
  expect(last.finish_reason).toBe("length");
  expect(last.groundsight).toMatchObject({ evidence, phrases, doubtful });
});
