import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Answer } from "../../src/engine/answer.js";
import type { Method } from "../../src/engine/method.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import { GroundsightError } from "../../src/errors.js";
import { apc } from "../../src/methods/apc.js";
import { averaging } from "../../src/methods/averaging.js";
import { regular } from "../../src/methods/regular.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { contextLogits, fakeBackend } from "../../src/testing/fake-model.js";
import type { FakeToken } from "../../src/testing/fake-tokens.js";
import type { FakeCache } from "../backends/fake-decoder.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";

const METHODS: readonly (() => Method)[] = [
  regular,
  () => apc({ beta: 0.3 }),
  vcd,
  () => vdgd({ descriptionTokens: 5 }),
  () => averaging({ copies: 2, method: vcd() }),
];
/** A prompt that holds it makes the model return NaN at the third token of its answer. */
const BROKEN = "\u0001";

const logits = (context: readonly FakeToken[]): Float32Array => {
  const row = contextLogits(context, undefined);
  const at = context.findIndex(({ id }) => id === BROKEN.charCodeAt(0));
  // A prompt is 12 characters long, "\nMODEL:" 7.
  if (at >= 0 && context.length > at + 12 + 7 + 2) row[3] = Number.NaN;
  return row;
};

/** A request with when it comes, in turns of the event loop, and after how many pieces it is given up. */
interface Arrival {
  readonly after: number;
  readonly abortAfter: number | undefined;
  readonly method: number;
  readonly image: number | undefined;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

const arrival: fc.Arbitrary<Arrival> = fc.record({
  after: fc.nat(12),
  abortAfter: fc.option(fc.nat(4), { nil: undefined, freq: 4 }),
  method: fc.nat(METHODS.length - 1),
  image: fc.option(fc.nat(1), { nil: undefined, freq: 3 }),
  prompt: fc.constantFrom(
    "What is this",
    "a",
    "Is there a cat or a dog here",
    `${BROKEN}broken text`,
  ),
  maxTokens: fc.integer({ min: 1, max: 9 }),
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(1),
});

function requestOf(one: Arrival): GenerateRequest {
  const { method, image, prompt, maxTokens, temperature, seed } = one;
  const needsImage = image === undefined && METHODS[method]!().needs.image === true;
  const shown = needsImage ? 0 : image;
  return {
    prompt,
    maxTokens,
    temperature,
    seed,
    method: METHODS[method]!(),
    ...(shown === undefined
      ? {}
      : {
          image: { data: Uint8Array.of(90 * shown, 7), width: 2, height: 1, channels: 1 as const },
        }),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const said = ({ tokens }: Answer) => tokens.map(({ id }) => id).join();

/** What a request gets when nothing else is asked: its tokens, or the code of its failure. */
const alone = new Map<string, Promise<string>>();
function outcomeAlone(request: GenerateRequest): Promise<string> {
  const { method, ...rest } = request;
  const key = JSON.stringify([rest, method?.name, method?.settings]);
  const known =
    alone.get(key) ?? outcome(new LocalModel(fakeBackend({ logits })).generate(request));
  alone.set(key, known);
  return known;
}

const outcome = (answer: Promise<Answer>): Promise<string> =>
  answer.then(said, (error: unknown) => {
    if (GroundsightError.isInstance(error)) return error.code;
    throw error;
  });

/** Plays arrivals against a model; watches that its memory stays within the bound. */
async function play(model: LocalModel, arrivals: readonly Arrival[], bound: number) {
  let most = 0;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      most = Math.max(most, model.load.cacheBytes);
      await turn();
    }
  })();
  const outcomes = await Promise.all(
    arrivals.map(async (one) => {
      for (let i = 0; i < one.after; i++) await turn();
      if (one.abortAfter === undefined) return outcome(model.generate(requestOf(one)));
      const abort = new AbortController();
      const stream = model.stream({ ...requestOf(one), signal: abort.signal });
      const iterate = async () => {
        let pieces = 0;
        for await (const _ of stream) if (++pieces > one.abortAfter!) abort.abort();
      };
      await iterate().catch(() => undefined);
      return outcome(stream.answer);
    }),
  );
  isOver = true;
  await watch;
  expect(most).toBeLessThanOrEqual(bound);
  expect(model.load).toEqual({ waiting: 0, streams: 0, cacheBytes: 0 });
  return outcomes;
}

async function expectAlone(arrivals: readonly Arrival[], outcomes: readonly string[]) {
  for (const [i, one] of arrivals.entries()) {
    // What was given up may have ended before.
    const allowed = one.abortAfter === undefined ? [] : ["ABORTED"];
    expect([await outcomeAlone(requestOf(one)), ...allowed]).toContain(outcomes[i]);
  }
}

describe("whatever comes, when, and is given up or fails, every answer is what it is alone", () => {
  const arrivals = fc.array(arrival, { minLength: 1, maxLength: 10 });
  // The longest stream: a description of 5 tokens is up to 15 bytes of text; two streams at most, 16 bytes a token.
  const largest = 2 * 16 * 140;
  const bounds = fc.integer({ min: largest, max: 4 * largest });

  test("on the fake backend", async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, bounds, async (list, liveBytes) => {
        const model = new LocalModel(fakeBackend({ logits }), { liveBytes });
        await expectAlone(list, await play(model, list, liveBytes));
      }),
      { numRuns: 60 },
    );
  });

  test.each<FakeCache>([
    { pastLayout: "masked", returnsNewRows: true },
    { pastLayout: "counted", returnsNewRows: true },
    { pastLayout: "exact", returnsNewRows: false },
  ])("on the ONNX backend, its cache $pastLayout", async (cache) => {
    await fc.assert(
      fc.asyncProperty(arrivals, bounds, async (list, liveBytes) => {
        const model = fakeOnnxModel({ logits, cache, liveBytes });
        await expectAlone(list, await play(model, list, liveBytes));
      }),
      { numRuns: 25 },
    );
  });
});
