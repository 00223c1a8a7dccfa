import { describe, expect, test } from "vitest";
import type { Backend, ContextStep, PromptToOpen } from "../../src/engine/backend.js";
import { described } from "../../src/methods/described.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { fakeBackend, fakeModel } from "../../src/testing/fake-model.js";

const imageOf = (value: number) =>
  ({ data: Uint8Array.of(value), width: 1, height: 1, channels: 1 }) as const;

/** A fake backend that counts: prompts opened at once, and streams extended at each step. */
function counted(respond?: () => string) {
  const backend = fakeBackend(respond === undefined ? {} : { respond });
  const opened: number[] = [];
  const extended: number[] = [];
  const open = backend.open.bind(backend);
  const extend = backend.extend.bind(backend);
  const counting: Backend = Object.assign(backend, {
    open: (prompts: readonly PromptToOpen[]) => {
      opened.push(prompts.length);
      return open(prompts);
    },
    extend: (steps: readonly ContextStep[]) => {
      extended.push(steps.length);
      return extend(steps);
    },
  });
  return { backend: counting, opened, extended };
}

describe("what a method decodes first", () => {
  test("16 VDGD requests decode their 16 descriptions in one batch", async () => {
    const { backend, opened, extended } = counted(() => "a text of more than twenty tokens");
    const model = new LocalModel(backend);
    const requests = Array.from({ length: 16 }, (_, i) => ({
      image: imageOf(i),
      prompt: "What?",
      method: vdgd({ descriptionTokens: 20 }),
      maxTokens: 1,
    }));
    await model.generateBatch(requests);
    // 16 descriptions opened at once and extended together 19 times; then 16 answers of one token.
    expect(opened).toEqual([16, 16]);
    expect(extended).toEqual(Array.from({ length: 19 }, () => 16));
  });

  test("one description serves all questions on an image, also when they come at once", async () => {
    const { backend, opened } = counted();
    const requests = Array.from({ length: 8 }, (_, i) => ({
      image: imageOf(1),
      prompt: `Question ${i}?`,
      method: described({ descriptionTokens: 6 }),
      maxTokens: 2,
    }));
    const answers = await new LocalModel(backend).generateBatch(requests);
    expect(opened).toEqual([1, 8]);
    expect(new Set(answers.map(({ details }) => details.description)).size).toBe(1);
  });
});

describe("joining and leaving", () => {
  test("a request joins while another is decoded, and is answered first when it is shorter", async () => {
    const { backend, extended } = counted(() => "abcdefghijklmnopqrst");
    const model = new LocalModel(backend);
    const ended: string[] = [];
    const long = model.generate({ prompt: "long" }).then(() => ended.push("long"));
    const stream = model.stream({ prompt: "other" });
    let pieces = 0;
    for await (const _ of stream) {
      if (++pieces === 5) {
        await model.generate({ prompt: "short", maxTokens: 2 });
        ended.push("short");
      }
    }
    await long;
    expect(ended[0]).toBe("short");
    expect(Math.max(...extended)).toBe(3);
  });

  test("a batch streams each of its answers", async () => {
    const pieces = ["", ""];
    const answers = await fakeModel().generateBatch(
      [
        { prompt: "One", maxTokens: 12 },
        { prompt: "Two", maxTokens: 7 },
      ],
      {
        onPiece: ({ text }, index) => {
          pieces[index] += text;
        },
      },
    );
    expect(pieces.map((text) => text.trim())).toEqual(answers.map(({ text }) => text));
  });

  test("single requests are bounded in number, a batch by its own bound", async () => {
    const { backend, extended } = counted(() => "abcdef");
    const model = new LocalModel(backend);
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => model.generate({ prompt: `${i}`, maxTokens: 4 })),
    );
    expect(Math.max(...extended)).toBe(16);
    extended.length = 0;
    const requests = Array.from({ length: 9 }, (_, i) => ({
      prompt: `${i}`,
      image: imageOf(i),
      method: vcd(),
      maxTokens: 4,
    }));
    await model.generateBatch(requests, { maxStreams: 6 });
    expect(Math.max(...extended)).toBe(6);
  });
});

describe("memory", () => {
  const tokensOf = (text: string) => 1 + text.length + "\nMODEL:".length;

  test("what does not fit waits, and what comes after it does not pass it for ever", async () => {
    const large = "x".repeat(100);
    // Room for the large request alone, or for five small ones.
    const liveBytes = 16 * (tokensOf(large) + 10);
    const model = fakeModel({ liveBytes, respond: () => "yes" });
    const order: string[] = [];
    let small = 0;
    const flow = async (): Promise<void> => {
      if (small === 60) return;
      const name = `small ${small++}`;
      await model.generate({ prompt: "s", maxTokens: 3 });
      order.push(name);
      await flow();
    };
    const flows = [flow(), flow(), flow()];
    await new Promise((resolve) => setImmediate(resolve));
    const big = model.generate({ prompt: large, maxTokens: 10 }).then(() => order.push("large"));
    await Promise.all([...flows, big]);
    expect(order.indexOf("large")).toBeLessThan(12);
  });

  test("a request that can never fit is refused with what it needs", async () => {
    const model = fakeModel({ liveBytes: 16 * 50 });
    await expect(model.generate({ prompt: "x".repeat(80), maxTokens: 1 })).rejects.toThrow(
      /may need 1.39 KiB of cache; this model is bound to 0.781 KiB: lower maxTokens/,
    );
    await expect(model.generate({ prompt: "x", maxTokens: 5 })).resolves.toBeDefined();
  });
});

describe("failures", () => {
  test("of one context in a step fail its answer alone", async () => {
    const { backend } = counted(() => "abcdef");
    const extend = backend.extend;
    let steps = 0;
    Object.assign(backend, {
      extend: async (given: readonly ContextStep[]) => {
        const results = await extend(given);
        return ++steps === 2 ? [{ failure: new Error("broken") }, ...results.slice(1)] : results;
      },
    });
    const model = new LocalModel(backend);
    const results = await model.generateSettled([{ prompt: "one" }, { prompt: "two" }]);
    expect(results[0]).toMatchObject({ status: "rejected", reason: { message: "broken" } });
    expect(results[1]).toMatchObject({ status: "fulfilled", value: { text: "abcdef" } });
    expect(model.load).toEqual({ waiting: 0, streams: 0, cacheBytes: 0 });
  });

  test("of the engine as a whole fail what it was decoding, and later requests are answered", async () => {
    const { backend } = counted(() => "abcdef");
    const extend = backend.extend;
    let isBroken = true;
    Object.assign(backend, {
      extend: async (given: readonly ContextStep[]) => {
        if (isBroken) throw new Error("down");
        return extend(given);
      },
    });
    const model = new LocalModel(backend);
    await expect(model.generateBatch([{ prompt: "one" }, { prompt: "two" }])).rejects.toThrow(
      "down",
    );
    isBroken = false;
    expect((await model.generate({ prompt: "three" })).text).toBe("abcdef");
  });

  test("an abort while waiting ends the wait at once", async () => {
    const model = fakeModel({ respond: () => "abcdefghijklmnopqrstuvwxyz" });
    const busy = Array.from({ length: 16 }, (_, i) => model.generate({ prompt: `${i}` }));
    const abort = new AbortController();
    const waiting = model.generate({ prompt: "late", signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toThrow("aborted after 0 tokens");
    await Promise.all(busy);
  });
});
