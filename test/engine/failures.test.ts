import { describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import type { StepOutputs } from "../../src/engine/step.js";
import { AbortedError, InferenceError, InvalidArgumentError } from "../../src/errors.js";
import { regular } from "../../src/methods/regular.js";
import { fakeModel } from "../../src/testing/fake-model.js";

describe("failures", () => {
  test("NaN logits name token and position", async () => {
    const logits = (context: readonly unknown[]) => {
      const row = new Float32Array(259);
      if (context.length > 11) row[7] = Number.NaN;
      return row;
    };
    const answer = fakeModel({ logits }).generate({ prompt: "?", maxTokens: 9 });
    await expect(answer).rejects.toThrow(InferenceError);
    await expect(answer).rejects.toThrow("NaN as the logit of token 7 at answer position 3");
  });

  test.each([0, 1])(
    "a method that excludes every token is an error (temperature %d)",
    async (temperature) => {
      const nothing = {
        ...regular(),
        start: (run: Parameters<Method["start"]>[0]) => ({
          streams: [{ view: run.view }] as const,
          scores: ([output]: readonly StepOutputs[]) =>
            output!.logits.fill(Number.NEGATIVE_INFINITY),
        }),
      };
      const answer = fakeModel().generate({ prompt: "?", method: nothing, temperature });
      await expect(answer).rejects.toThrow("exclude every token");
    },
  );

  test("an abort stops within one token", async () => {
    const abort = new AbortController();
    const stream = fakeModel({ respond: () => "abcdefghij" }).stream({
      prompt: "?",
      signal: abort.signal,
    });
    const seen: string[] = [];
    const iterate = async () => {
      for await (const { text } of stream) {
        seen.push(text);
        if (seen.length === 2) abort.abort();
      }
    };
    await expect(iterate()).rejects.toThrow(AbortedError);
    expect(seen.length).toBeLessThanOrEqual(3);
    await expect(stream.answer).rejects.toThrow(/aborted after [23] tokens/);
  });

  test("an abort of one request leaves the rest of its batch alone", async () => {
    const answered: number[] = [];
    const batch = fakeModel({ respond: () => "abc" }).generateBatch(
      [{ prompt: "a", signal: AbortSignal.abort() }, { prompt: "b" }],
      { onAnswer: (_, index) => answered.push(index) },
    );
    await expect(batch).rejects.toThrow(AbortedError);
    expect(answered).toEqual([1]);
  });

  test("leaving the loop of a stream aborts it", async () => {
    const stream = fakeModel({ respond: () => "x".repeat(60) }).stream({ prompt: "?" });
    for await (const _ of stream) break;
    await expect(stream.answer).rejects.toThrow(AbortedError);
  });

  test.each([
    [{ prompt: "" }, "prompt: received an empty text"],
    [{ prompt: "see <image> here" }, "image token <image>"],
    [{ prompt: "?", maxTokens: 0 }, "maxTokens: received 0"],
    [{ prompt: "?", temperature: -1 }, "temperature: received -1"],
    [{ prompt: "?", topP: 0 }, "topP: received 0; expected a number above 0 and at most 1"],
    [{ prompt: "?", topK: 1.5 }, "topK: received 1.5"],
    [{ prompt: "?", seed: -3 }, "seed: received -3"],
    [{ prompt: "?", topLogprobs: 101 }, "topLogprobs: received 101"],
    [{ prompt: "?", stop: [""] }, "stop: received"],
    [{ prompt: "?", max_tokens: 3 }, "unknown option 'max_tokens'; did you mean maxTokens?"],
    [{ prompt: "?", numBeams: 4 }, "unknown option 'numBeams'"],
    [{ prompt: "?", method: "vcd" }, 'method: received "vcd"'],
  ])("%j is refused", async (request, message) => {
    const answer = fakeModel().generate(request as unknown as GenerateRequest);
    await expect(answer).rejects.toThrow(InvalidArgumentError);
    await expect(answer).rejects.toThrow(message);
  });

  test("a disposed model says so", async () => {
    const model = fakeModel();
    await model.dispose();
    await model.dispose();
    await expect(model.generate({ prompt: "?" })).rejects.toThrow("disposed");
  });
});
