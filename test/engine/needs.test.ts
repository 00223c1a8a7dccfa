import { describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { UnsupportedCapabilityError } from "../../src/errors.js";
import { apc } from "../../src/methods/apc.js";
import { regular } from "../../src/methods/regular.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { earlyExitEdit } from "../../src/onnx/edits/early-exit.js";
import { fakeModel } from "../../src/testing/fake-model.js";

const image = { data: Uint8Array.of(10, 200, 90), width: 1, height: 1, channels: 3 } as const;
const ask = { prompt: "Is there a dog?", image, maxTokens: 12 };

describe("an engine that tells only the k best log-probabilities", () => {
  test("runs vcd, and chooses only among tokens that it was told", async () => {
    const best = fakeModel({ best: 20 });
    const answer = await best.generate({ ...ask, method: vcd({ beta: 0 }), topLogprobs: 30 });
    expect(answer.tokens).toHaveLength(12);
    for (const { top } of answer.tokens) expect(top!.length).toBeLessThanOrEqual(20);
  });

  test("answers as the whole vocabulary does where all that counts is among the best", async () => {
    for (const method of [regular(), apc()]) {
      const whole = await fakeModel().generate({ ...ask, method });
      const some = await fakeModel({ best: 20 }).generate({ ...ask, method });
      expect(some.tokens.map(({ id }) => id)).toEqual(whole.tokens.map(({ id }) => id));
    }
  });

  test("refuses vdgd by name, which needs every token's logit", async () => {
    const refused = fakeModel({ best: 20 }).generate({ ...ask, method: vdgd() });
    await expect(refused).rejects.toThrow(UnsupportedCapabilityError);
    await expect(refused).rejects.toThrow(
      "method vdgd needs the logits of the whole vocabulary, which model fake does not offer",
    );
  });
});

describe("needs that a model does not offer are refused before anything runs", () => {
  const needing = (needs: Method["needs"]): Method => ({ ...regular(), name: "own", needs });

  test.each<[Method["needs"], string]>([
    [{ baseLlm: true }, "method own needs the base LLM of the checkpoint"],
    [{ edits: [earlyExitEdit([0])] }, "method own needs an edit of the decoder graph"],
  ])("%j", async (needs, message) => {
    const model = fakeModel();
    await expect(model.generate({ ...ask, method: needing(needs) })).rejects.toThrow(message);
    await expect(model.prepare(needing(needs))).rejects.toThrow(UnsupportedCapabilityError);
  });

  test("scores of a wrong length are an error that says so", async () => {
    const short: Method = {
      ...regular(),
      start: ({ view }) => ({ streams: [{ view }], scores: () => new Float32Array(3) }),
    };
    await expect(fakeModel().generate({ ...ask, method: short })).rejects.toThrow(
      "the method returned 3 scores; expected one for each of the 259 tokens",
    );
  });
});
