import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AbortedError } from "../../../src/errors.js";
import type { Answerer } from "../../../src/eval/run/run-evaluation.js";
import { AnswerStore } from "../../../src/eval/store/answer-store.js";
import { fake, questions, runInto, type SmallRunOptions, settings } from "../fake-answers.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (answerer: Answerer, options?: SmallRunOptions) => runInto(folder, answerer, options);

const stored = () => readFile(join(folder, "answers.jsonl"), "utf8");

describe("running", () => {
  test("blocks of questions go through all series, stored in the order of the questions", async () => {
    await run(fake());
    const order = (await stored())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).text);
    expect(order.slice(0, 6)).toEqual([
      "0 by regular",
      "1 by regular",
      "0 by vcd",
      "1 by vcd",
      "2 by regular",
      "3 by regular",
    ]);
    expect(order).toHaveLength(10);
  });

  test("a second run asks nothing", async () => {
    await run(fake());
    const asked: string[] = [];
    await run(fake(asked));
    expect(asked).toEqual([]);
  });

  test("progress counts what is stored, and what this process answered", async () => {
    await run(fake());
    const kept = (await stored()).split("\n").slice(0, 4);
    await writeFile(join(folder, "answers.jsonl"), `${kept.join("\n")}\n`);
    const seen: unknown[] = [];
    await run(fake(), { onProgress: (progress: unknown) => seen.push(progress) });
    expect(seen[0]).toEqual({ done: 6, total: 10, answered: 1, set: "pope" });
    expect(seen.at(-1)).toEqual({ done: 10, total: 10, answered: 6, set: "pope" });
  });

  test("alone: one question at a time, in the same order; wherever it was interrupted, the same bytes", async () => {
    // Says how many were asked together, as int8 graphs do in their own way.
    const telling: Answerer = async (requests, onAnswer) => {
      const cost = { ms: 1, decodeMs: 1, tokens: 1 };
      for (const i of requests.keys()) onAnswer({ text: `one of ${requests.length}`, ...cost }, i);
    };
    await run(telling, { alone: true });
    const whole = await stored();
    const rows = whole
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(new Set(rows.map(({ text }) => text))).toEqual(new Set(["one of 1"]));
    expect(rows.slice(0, 4).map(({ id, method }) => `${id} ${method}`)).toEqual([
      "0 regular",
      "1 regular",
      "0 vcd",
      "1 vcd",
    ]);
    const kept = whole.split("\n").slice(0, 3).join("\n");
    await writeFile(join(folder, "answers.jsonl"), `${kept}\n`);
    await run(telling, { alone: true });
    expect(await stored()).toBe(whole);
  });

  test("an abort stores what was answered and goes on from there", async () => {
    const stop = new AbortController();
    const asked: string[] = [];
    const stopping: Answerer = async (requests, onAnswer, signal) => {
      if (asked.length >= 4) stop.abort();
      await fake(asked)(requests, onAnswer, signal);
    };
    await expect(run(stopping, { signal: stop.signal })).rejects.toThrow(
      new AbortedError("stopped: 6 answers are stored; the same command goes on from there"),
    );
    const before = await stored();
    expect(before.trim().split("\n").length).toBeLessThan(10);
    await run(fake());
    expect((await stored()).startsWith(before)).toBe(true);
    expect((await stored()).trim().split("\n")).toHaveLength(10);
  });

  test("a model that fails loses nothing that was answered before", async () => {
    let calls = 0;
    const failing: Answerer = async (requests, onAnswer, signal) => {
      if (++calls === 3) {
        onAnswer({ text: "2 by regular", ms: 1, decodeMs: 1, tokens: 1 }, 0);
        throw new Error("out of memory");
      }
      await fake()(requests, onAnswer, signal);
    };
    await expect(run(failing)).rejects.toThrow("out of memory");
    expect((await stored()).trim().split("\n")).toHaveLength(5);
    await run(fake());
    expect((await stored()).trim().split("\n")).toHaveLength(10);
  });
});

describe("answers that fail", () => {
  /** Fails for some questions, as for images that cannot be read. */
  const failingFor =
    (ids: readonly string[], asked: string[] = []): Answerer =>
    async (requests, onAnswer, signal) => {
      const rest = requests.filter(({ question }) => !ids.includes(question.id));
      await fake(asked)(rest, (answer, i) => onAnswer(answer, requests.indexOf(rest[i]!)), signal);
      for (const [i, { question }] of requests.entries()) {
        if (ids.includes(question.id)) onAnswer({ error: `${question.image} is broken` }, i);
      }
    };
  const failures = () => readFile(join(folder, "failures.jsonl"), "utf8");

  test("are stored as failed; all others are answered, in their order", async () => {
    await run(failingFor(["1", "3"]));
    expect((await failures()).split("\n")[0]).toBe(
      '{"set":"pope","id":"1","method":"regular","seed":null,"error":"1.png is broken"}',
    );
    expect((await failures()).trim().split("\n")).toHaveLength(4);
    const ids = (await stored())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).id);
    expect(ids).toEqual(["0", "0", "2", "2", "4", "4"]);
  });

  test("stay failed when the run goes on, and count in its progress", async () => {
    await run(failingFor(["1"]));
    const asked: string[] = [];
    await run(fake(asked));
    expect(asked).toEqual([]);
  });

  test("are asked for again on demand; then the last word counts", async () => {
    await run(failingFor(["1", "3"]));
    const asked: string[] = [];
    await run(failingFor(["3"], asked), { retryFailed: true });
    expect(asked).toEqual(["1 regular", "1 vcd"]);
    const store = await AnswerStore.open(folder, settings);
    expect(store.failures().map(({ id }) => id)).toEqual(["3", "3"]);
    expect(store.size).toBe(10);
    await store.close();
  });

  test("one image never stops a run, five in a row do", async () => {
    const all = questions.map(({ id }) => id);
    await run(failingFor(all.slice(1)));
    await rm(folder, { recursive: true });
    await expect(run(failingFor(all))).rejects.toThrow(
      "every answer about 5 images in a row failed, the last with: 4.png is broken. When this is mended, " +
        "the same command with --retry-failed asks for them again",
    );
  });
});
