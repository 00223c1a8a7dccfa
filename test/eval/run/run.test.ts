import {
  appendFile,
  type FileHandle,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AbortedError, DatasetError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import {
  type Answerer,
  type RunOptions,
  runEvaluation,
} from "../../../src/eval/run/run-evaluation.js";
import { AnswerStore, readTimings } from "../../../src/eval/store/answer-store.js";
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

async function run(
  answerer: Answerer,
  { retryFailed = false, ...options }: RunOptions & { retryFailed?: boolean } = {},
): Promise<void> {
  const store = await AnswerStore.open(folder, settings, { retryFailed });
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

  test("a file that is none of a run's keeps every byte", async () => {
    await (await open()).close();
    const path = join(folder, "answers.jsonl");
    const row = (text: string) =>
      `{"set":"pope","id":"1","method":"regular","seed":null,"text":"${text}"}\n`;
    for (const [bytes, message] of [
      [Buffer.from("GIF89a\n\u0001\u0002 no end"), /answers\.jsonl line 1: no valid JSON/],
      [Buffer.from("GIF89a"), /its last 6 bytes are no line of this file; restore it/],
      [Buffer.from(`${row("a")}${row("Yes\u00e9")}`, "latin1"), /line 2: no UTF-8; restore/],
      [Buffer.from('{"set":["pope"],"id":"1","method":"m","seed":null,"text":""}\n{"se'), /line 1/],
      [Buffer.from(`${row("a")}${row("b")}{"se`), /line 2: duplicate answer/],
    ] as const) {
      await writeFile(path, bytes);
      await expect(open()).rejects.toThrow(message);
      expect(await readFile(path)).toEqual(bytes);
    }
    await writeFile(path, `${row("a")}\0\0\0`);
    await (await open()).close();
    expect(await stored()).toBe(row("a"));
  });

  test("rows of another run are refused by line, and nothing is asked twice", async () => {
    await run(fake());
    const expects = ({ id }: { id: string }) => id !== "2";
    await expect(AnswerStore.open(folder, settings, { expects })).rejects.toThrow(
      'answers.jsonl line 5: this run does not ask for ["pope","2","regular",null]',
    );
  });

  test("settings nested without end are refused, not a crash", async () => {
    const deep = `{"temperature":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
    await writeFile(join(folder, "settings.json"), deep);
    await expect(open()).rejects.toThrow(DatasetError);
  });

  test("timings that are broken are passed over", async () => {
    await writeFile(join(folder, "timings.jsonl"), 'null\n3\n{"ms":1,"tokens":2}\n{"ms"');
    expect(await readTimings(folder)).toEqual([{ ms: 1, tokens: 2 }]);
  });

  test.each([
    ["a file", "file", /file: there is a file of this name; expected a folder \(EEXIST\)/],
    ["below a file", "file/x", /file.*a part of this path is a file; expected folders \(ENOTDIR\)/],
    ["a device", "/dev/null", /\/dev\/null: there is a file of this name/],
    ["below a device", "/dev/null/x", /ENOTDIR/],
    ["below /proc", "/proc/x", /\/proc\/x: there is no such file or folder, and it cannot be made/],
    ["a name too long", "x".repeat(300), /the path is too long/],
  ])("--out is %s: a DatasetError that says so", async (_, out, message) => {
    await writeFile(join(folder, "file"), "");
    const failure = AnswerStore.open(resolve(folder, out), settings);
    await expect(failure).rejects.toThrow(DatasetError);
    await expect(failure).rejects.toThrow(message);
  });

  test.each(["run.lock", "answers.jsonl", "settings.json", "timings.jsonl", "failures.jsonl"])(
    "%s is a folder: a DatasetError that says so",
    async (name) => {
      await mkdir(join(folder, name));
      const failure = open();
      await expect(failure).rejects.toThrow(DatasetError);
      await expect(failure).rejects.toThrow(/this is a folder; expected a file|EISDIR/);
    },
  );

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
