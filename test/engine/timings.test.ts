import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";
import { dark, image } from "./asked.js";

/** A clock that goes on by 1 ms whenever it is read, so that what takes no time at all is told from what does. */
beforeEach(() => {
  let now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now++);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const model = () => fakeOnnxModel({ respond: () => "answer" });
const METHODS = [undefined, vcd(), vdgd({ descriptionTokens: 4 })];

test.each(METHODS)("the times of an answer add up ($name)", async (method) => {
  const request = { image, prompt: "?", ...(method === undefined ? {} : { method }) };
  const { timings, tokens } = await model().generate(request);
  const { imageMs, prefillMs, decodeMs, msPerToken, totalMs } = timings;
  for (const time of [imageMs, prefillMs, decodeMs]) expect(time).toBeGreaterThan(0);
  expect(imageMs + prefillMs + decodeMs).toBe(totalMs);
  expect(msPerToken).toBe(decodeMs / (tokens.length - 1));
});

test("an answer of one token has no time between tokens", async () => {
  const { timings } = await model().generate({ prompt: "?", maxTokens: 1 });
  expect(timings.msPerToken).toBeNull();
});

test("the image's time is 0 without image, and when all its variants were cached", async () => {
  const shared = model();
  const imageMs = async (request: object) =>
    (await shared.generate({ image, prompt: "?", ...request })).timings.imageMs;
  expect((await shared.generate({ prompt: "?" })).timings.imageMs).toBe(0);
  expect(await imageMs({})).toBeGreaterThan(0);
  expect(await imageMs({})).toBe(0);
  expect(await imageMs({ prompt: "Another?" })).toBe(0);
  expect(await imageMs({ method: vcd() })).toBeGreaterThan(0);
  expect(await imageMs({ method: vcd() })).toBe(0);
  expect(await imageMs({ image: dark })).toBeGreaterThan(0);
});

test("in a batch each answer's times add up too", async () => {
  const prompts = ["One?", "Two, longer?", "Three?"];
  const answers = await model().generateBatch(prompts.map((prompt) => ({ prompt, image })));
  for (const { timings } of answers) {
    const { imageMs, prefillMs, decodeMs, totalMs } = timings;
    expect(imageMs + prefillMs + decodeMs).toBe(totalMs);
    for (const time of [prefillMs, decodeMs]) expect(time).toBeGreaterThan(0);
  }
});
