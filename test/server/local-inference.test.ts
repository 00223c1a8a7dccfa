import type { SteeringDirections, StreamPiece } from "groundsight";
import { fakeModel } from "groundsight/testing";
import { describe, expect, test } from "vitest";
import type { ChatJob } from "../../src/chat/chat-job.js";
import { localInference } from "../../src/server/local-inference.js";

const asked = (prompt: string, more: Partial<ChatJob> = {}): ChatJob => ({
  turns: [{ role: "user", content: prompt }],
  options: {},
  count: 1,
  decoding: { seed: 0, maxTokens: 20 },
  ...more,
});
const saying = (text: string) => fakeModel({ respond: () => text });
const part = { layers: 1, positions: 1, width: 2, data: Float32Array.of(1, 0) };
const fitted = (modelHash: string): SteeringDirections => ({ modelHash, text: part, facts: {} });

describe("models in this process", () => {
  test("answer by the names that they are served by", async () => {
    const inference = await localInference(
      new Map([
        ["one", saying("first")],
        ["two", saying("second")],
      ]),
    );
    expect(inference.models.map(({ id }) => id)).toEqual(["one", "two"]);
    const pieces: StreamPiece[] = [];
    const onPiece = (piece: StreamPiece) => pieces.push(piece);
    const { choices } = await inference.chat("two", asked("?"), { onPiece });
    expect(choices.map(({ answer }) => answer.text)).toEqual(["second"]);
    expect(pieces.map(({ text }) => text).join("")).toBe("second");
    await expect(inference.chat("three", asked("?"))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "model: received 'three'; expected one of one, two",
    });
  });

  test("give several choices, each with a seed of its own", async () => {
    const inference = await localInference([fakeModel()]);
    const { id } = inference.models[0]!;
    const decoding = { seed: 5, maxTokens: 4, temperature: 1 };
    const { choices } = await inference.chat(id, asked("?", { count: 3, decoding }));
    expect(choices.map(({ answer }) => answer.seed)).toEqual([5, 6, 7]);
  });

  test("are steered by their own files alone", async () => {
    const one = fakeModel();
    const own = fitted(await one.hash());
    const models = new Map([["one", one]]);
    const { models: told } = await localInference(models, { steering: new Map([["own", own]]) });
    expect(told[0]!.methods).toContain("vti");
    expect((await localInference([fakeModel()])).models[0]!.methods).not.toContain("vti");
    const steering = new Map([["other", fitted("0".repeat(64))]]);
    await expect(localInference(models, { steering })).rejects.toThrow(
      "steering 'other': it was fitted on another model than one",
    );
  });

  test("are refused where the default method is unknown, or a name occurs twice", async () => {
    await expect(localInference([saying("a")], { method: "vdc" })).rejects.toThrow("'vcd'");
    await expect(localInference([saying("a"), saying("b")])).rejects.toThrow("twice");
  });

  test("end what they answer when closed, and answer nothing more", async () => {
    const inference = await localInference(new Map([["one", fakeModel()]]));
    let begun = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const endless = asked("?", { decoding: { seed: 0, maxTokens: 4000 } });
    const chat = inference.chat("one", endless, { onPiece: () => begun() });
    const failed = expect(chat).rejects.toMatchObject({ code: "ABORTED" });
    await started;
    expect(inference.isReady).toBe(true);
    await Promise.all([inference.close(), inference.close()]);
    await failed;
    expect(inference.isReady).toBe(false);
    await expect(inference.chat("one", asked("?"))).rejects.toMatchObject({ code: "INFERENCE" });
  });
});
