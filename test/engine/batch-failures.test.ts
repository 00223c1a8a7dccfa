import { describe, expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Tensors } from "../../src/backends/onnx/runtime.js";
import type { Answer } from "../../src/engine/answer.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import { AbortedError, InferenceError, InvalidArgumentError } from "../../src/errors.js";
import { regular } from "../../src/methods/regular.js";
import { vcd } from "../../src/methods/vcd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import type { FakeToken } from "../../src/testing/fake-tokens.js";
import { fakeOnnxModel, fakeOnnxParts } from "../backends/fake-onnx.js";
import { watched } from "../backends/watched.js";
import { dark, image } from "./asked.js";

/** NaN at the third token of every answer whose prompt holds a "!". */
function spoilt(context: readonly FakeToken[]): Float32Array {
  const logits = new Float32Array(259).fill(-1);
  const text = String.fromCharCode(...context.map(({ id }) => id).filter((id) => id < 256));
  const answered = text.length - text.indexOf("\nMODEL:") - "\nMODEL:".length;
  logits[answered === 4 ? 257 : "abcd".charCodeAt(answered)] = 9;
  if (text.includes("!") && answered === 2) logits[5] = Number.NaN;
  return logits;
}

const NAN = "the model returned NaN as the logit of token 5 at answer position 2";
const asked = ["one", "two!", "three", "four!"].map((prompt) => ({ prompt }));

/** A model whose decoder's graph throws whenever a token is `!`, or others that are run. */
function failingGraphs(fails: { embed?: string; vision?: true; decoder?: true }): LocalModel {
  const parts = fakeOnnxParts({ respond: ({ prompt }) => (prompt === "two!" ? "o?" : "ok") });
  const { embed, vision, decoder } = parts.graphs;
  const lookUp = watched(embed, ({ input_ids: { data } = {} as never }: Tensors) => {
    const ids = [...(data as BigInt64Array)].map(Number);
    if (fails.embed !== undefined && ids.includes(fails.embed.charCodeAt(0))) {
      throw new Error("no such row");
    }
  });
  const encode = watched(vision.session, () => {
    if (fails.vision) throw new Error("no memory");
  });
  const decode = watched(decoder.session, ({ inputs_embeds }: Tensors) => {
    const ids = (inputs_embeds!.data as Float32Array).filter((_, i) => i % 2 === 0);
    if (fails.decoder && ids.includes("!".charCodeAt(0))) throw new Error("no memory");
  });
  const graphs = {
    ...parts.graphs,
    embed: lookUp,
    vision: { ...vision, session: encode },
    decoder: { ...decoder, session: decode },
  };
  return new LocalModel(new OnnxBackend({ ...parts, graphs }));
}

const messages = (results: readonly PromiseSettledResult<Answer>[]) =>
  results.map((result) =>
    result.status === "fulfilled" ? result.value.text : (result.reason as Error).message,
  );

describe("a request that fails while it is decoded", () => {
  test.each([fakeModel, fakeOnnxModel])(
    "is named, and takes no other's answer (%o)",
    async (make) => {
      const model = make({ logits: spoilt });
      const answered: [number, string][] = [];
      const batch = model.generateBatch(asked, {
        onAnswer: ({ text }, index) => answered.push([index, text]),
      });
      await expect(batch).rejects.toThrow(InferenceError);
      await expect(batch).rejects.toThrow(`request 1: ${NAN}`);
      expect(answered.sort()).toEqual([
        [0, "abcd"],
        [2, "abcd"],
      ]);
    },
  );

  test("is told apart by generateSettled", async () => {
    const results = await fakeModel({ logits: spoilt }).generateSettled(asked);
    expect(messages(results)).toEqual([
      "abcd",
      expect.stringContaining(NAN),
      "abcd",
      expect.stringContaining(NAN),
    ]);
  });

  test("alone, is not numbered", async () => {
    const [request] = asked.slice(1);
    const model = fakeModel({ logits: spoilt });
    await expect(model.generate(request!)).rejects.toThrow(new RegExp(`^${NAN}`));
    await expect(model.generateBatch([request!])).rejects.toThrow(new RegExp(`^${NAN}`));
    await expect(model.generateBatch([{ prompt: " " }])).rejects.toThrow(/^prompt: received/);
  });

  test("since the graph does, harms nobody in its run of the graph", async () => {
    const results = await failingGraphs({ decoder: true }).generateSettled(asked);
    const failure = "the decoder failed: no memory";
    expect(messages(results)).toEqual(["ok", failure, "ok", failure]);
  });

  test.each([
    ["!", ["ok", "fails", "ok", "fails"]],
    ["?", ["ok", "fails", "ok", "ok"]],
  ])("since a token cannot be embedded (%s), harms nobody either", async (token, expected) => {
    const results = await failingGraphs({ embed: token }).generateSettled(asked);
    const failure = "the token embedding failed: no such row";
    expect(messages(results)).toEqual(expected.map((one) => (one === "fails" ? failure : one)));
  });

  test("is named once, also where requests fail of one cause", async () => {
    const failure = "the vision encoder failed: no memory";
    const requests = [{ prompt: "?" }, { prompt: "a", image }, { prompt: "b", image }];
    await expect(failingGraphs({ vision: true }).generateBatch(requests)).rejects.toMatchObject({
      message: `request 1: ${failure}`,
      code: "INFERENCE",
      name: "InferenceError",
    });
    const results = await failingGraphs({ vision: true }).generateSettled(requests);
    expect(messages(results)).toEqual(["ok", failure, failure]);
  });
});

test("generateSettled tells of requests that were answered, aborted, invalid and failed", async () => {
  const broken = {
    ...regular(),
    start: () => {
      throw new Error("no such thing");
    },
  };
  const requests: GenerateRequest[] = [
    { prompt: "fine" },
    { prompt: "fine", signal: AbortSignal.abort("enough") },
    { prompt: "" },
    { prompt: "?", method: vcd() },
    { prompt: "fail!" },
    { prompt: "?", method: broken },
    null as unknown as GenerateRequest,
    { prompt: "fine", image: dark },
  ];
  const answered: number[] = [];
  const results = await fakeModel({ logits: spoilt }).generateSettled(requests, {
    onAnswer: (_, index) => answered.push(index),
  });
  expect(messages(results)).toEqual([
    "abcd",
    "aborted after 0 tokens",
    "prompt: received an empty text; expected a question or instruction",
    "method vcd needs an image; received none",
    expect.stringContaining(NAN),
    "no such thing",
    "request: received null; expected an object, for example { prompt, image }",
    "abcd",
  ]);
  const reasons = results.map((result) => result.status === "rejected" && result.reason);
  for (const [i, type] of [
    [1, AbortedError],
    [2, InvalidArgumentError],
    [3, InvalidArgumentError],
    [4, InferenceError],
    [6, InvalidArgumentError],
  ] as const) {
    expect(reasons[i]).toBeInstanceOf(type);
  }
  expect((reasons[1] as Error).cause).toBe("enough");
  expect(answered.sort()).toEqual([0, 7]);
});
