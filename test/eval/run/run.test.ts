import {
  appendFile,
  type FileHandle,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AbortedError, DatasetError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { type Answerer, runEvaluation } from "../../../src/eval/run/run-evaluation.js";
import { AnswerStore } from "../../../src/eval/store/answer-store.js";
import { DurableLog, type LogFile } from "../../../src/eval/store/durable-log.js";
import type { RunSettings } from "../../../src/eval/store/run-settings.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const series = [
  { method: "regular", settings: {}, seed: null },
  { method: "vcd", settings: { alpha: 1 }, seed: 0 },
];
const settings: RunSettings = {
  version: "0.1.0",
  model: { id: "fake", hash: "abc", dtype: "fp32" },
  promptSuffix: "",
  temperature: 1,
  topP: 1,
  sets: [],
  series,
};
const rows = Array.from({ length: 5 }, (_, i) =>
  JSON.stringify({ question_id: i, image: `${i}.png`, text: "Is there a dog?", label: "no" }),
);
const questions = pope.load({ data: { name: "q", text: rows.join("\n") }, truth: null });
const sets = [{ name: "pope", questions, maxTokens: 4 }];

/** Answers in reverse order, to test that the store keeps the order of the questions. */
function fake(asked: string[] = []): Answerer {
  return async (requests, onAnswer) => {
    for (let i = requests.length - 1; i >= 0; i--) {
      const { question, series: one } = requests[i]!;
      asked.push(`${question.id} ${one.method}`);
      onAnswer({ text: `${question.id} by ${one.method}`, ms: 1, decodeMs: 1, tokens: 1 }, i);
    }
  };
}

async function run(answerer: Answerer, options = {}): Promise<void> {
  const store = await AnswerStore.open(folder, settings);
  try {
    await runEvaluation(sets, series, answerer, store, { batchSize: 2, ...options });
  } finally {
    await store.close();
  }
}

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

describe("the store", () => {
  const open = (more: Partial<RunSettings> = {}) =>
    AnswerStore.open(folder, { ...settings, ...more });

  test("other settings are refused by name, with both values", async () => {
    await (await open()).close();
    await expect(
      open({ temperature: 0.5, model: { id: "fake", hash: "x", dtype: "q8" } }),
    ).rejects.toThrow(
      `${folder} holds a run with other settings: model.hash was "abc", is "x"; ` +
        'model.dtype was "fp32", is "q8"; temperature was 1, is 0.5. ' +
        "Use the same settings to go on with it, or another --out",
    );
  });

  test("a line cut by a crash is dropped, whole lines stay", async () => {
    await run(fake());
    const whole = await stored();
    await appendFile(join(folder, "answers.jsonl"), '{"set":"pope","id":"4","met');
    const store = await open();
    expect(store.size).toBe(10);
    await store.close();
    expect(await stored()).toBe(whole);
  });

  test("damage in the middle is named and nothing is written", async () => {
    await run(fake());
    const lines = (await stored()).split("\n");
    lines[1] = "garbage";
    await writeFile(join(folder, "answers.jsonl"), lines.join("\n"));
    await expect(open()).rejects.toThrow(/answers\.jsonl line 2: no valid JSON/);
    expect(await stored()).toBe(lines.join("\n"));
  });

  test("a store that cannot be opened leaves no file open", async () => {
    const handles: FileHandle[] = [];
    const counting = async (path: string): Promise<LogFile> => {
      const file = await openFile(path, "r+");
      handles.push(file);
      return file;
    };
    await writeFile(join(folder, "settings.json"), JSON.stringify(settings));
    await writeFile(join(folder, "answers.jsonl"), "garbage\n");
    await expect(AnswerStore.open(folder, settings, { openFile: counting })).rejects.toThrow(
      /line 1/,
    );
    expect(handles.map(({ fd }) => fd)).toEqual([-1]);
  });

  test("what a killed process left of a file is removed, nothing else", async () => {
    await writeFile(join(folder, "settings.json.17.tmp"), "{");
    await writeFile(join(folder, "notes.tmp"), "mine");
    await (await open()).close();
    expect((await readdir(folder)).sort()).toEqual([
      "answers.jsonl",
      "notes.tmp",
      "settings.json",
      "timings.jsonl",
    ]);
  });

  test("answers without settings are refused", async () => {
    await writeFile(join(folder, "answers.jsonl"), "{}\n");
    await expect(open()).rejects.toThrow(/there are answers but no settings\.json/);
  });
});

describe("a full disk", () => {
  /** A file that takes `room` more bytes, then fails as a full disk does, part of a write done. */
  class FullDisk implements LogFile {
    bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);
    room: number;
    constructor(room: number) {
      this.room = room;
    }
    write = (async (buffer: Uint8Array, offset: number, length: number, position: number) => {
      const fits = Math.min(length, this.room - position);
      if (fits <= 0)
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      const piece = buffer.subarray(offset, offset + fits);
      this.bytes = Buffer.concat([this.bytes.subarray(0, position), piece]);
      return { bytesWritten: fits, buffer };
    }) as LogFile["write"];
    datasync = async () => {};
    truncate = async (size = 0) => {
      this.bytes = this.bytes.subarray(0, size);
    };
    readFile = (async () => this.bytes) as unknown as LogFile["readFile"];
    stat = (async () => ({ size: this.bytes.length })) as unknown as LogFile["stat"];
    close = async () => {};
  }

  test("a line that does not fit leaves no trace; the error says what to do", async () => {
    const disk = new FullDisk(10);
    const { log } = await DurableLog.open(join(folder, "log"), async () => disk);
    await log.append(["12345"]);
    await expect(log.append(["67890"])).rejects.toThrow(
      /ENOSPC: no space left on device\); what was stored before is safe: make room/,
    );
    expect(disk.bytes.toString()).toBe("12345\n");
    disk.room = 100;
    await log.append(["67890"]);
    expect(disk.bytes.toString()).toBe("12345\n67890\n");
  });

  test("a run on a full disk stops, and goes on when there is room", async () => {
    const disk = new FullDisk(200);
    const attempt = async () => {
      const store = await AnswerStore.open(folder, settings, { openFile: async () => disk });
      try {
        await runEvaluation(sets, series, fake(), store, { batchSize: 2 });
      } finally {
        await store.close();
      }
    };
    await expect(attempt()).rejects.toThrow(DatasetError);
    expect(disk.bytes.at(-1)).toBe(0x0a);
    disk.room = Number.POSITIVE_INFINITY;
    await attempt();
    expect(disk.bytes.toString().trim().split("\n")).toHaveLength(10);
  });
});
