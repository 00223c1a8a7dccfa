import {
  appendFile,
  type FileHandle,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { type Answerer, runEvaluation } from "../../../src/eval/run/run-evaluation.js";
import { AnswerStore, readTimings } from "../../../src/eval/store/answer-store.js";
import { DurableLog, type LogFile } from "../../../src/eval/store/durable-log.js";
import type { RunSettings } from "../../../src/eval/store/run-settings.js";
import { fake, runInto, type SmallRunOptions, series, sets, settings } from "../fake-answers.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (answerer: Answerer, options?: SmallRunOptions) => runInto(folder, answerer, options);

const stored = () => readFile(join(folder, "answers.jsonl"), "utf8");

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

  test("other series are told in the words in which a run is asked for", async () => {
    const greedy = (method: string, alpha = 1) => ({ method, seed: null, settings: { alpha } });
    const seed = (method: string, n: number) => ({ ...greedy(method), seed: n });
    const drawn = (method: string, draw: number) => ({ ...greedy(method), draw });
    await (await open({ series: [greedy("regular"), greedy("vcd"), seed("vcd", 0)] })).close();
    for (const [series, message] of [
      [
        [greedy("regular"), greedy("apc"), seed("vcd", 0)],
        "methods were regular, vcd, are regular, apc, vcd",
      ],
      [
        [greedy("regular"), greedy("vcd"), drawn("vcd", 1), drawn("vcd", 2), seed("vcd", 0)],
        "noise draws were 1, are 3 (--noise-draws 1 goes on with it)",
      ],
      [
        [greedy("regular"), greedy("vcd"), seed("vcd", 0), seed("vcd", 1)],
        "seeds were 0, are 0, 1",
      ],
      [
        [greedy("regular"), seed("vcd", 0)],
        "greedily decoded methods were regular, vcd, are regular",
      ],
      [
        [greedy("regular"), greedy("vcd", 2), { ...seed("vcd", 0), settings: { alpha: 2 } }],
        "vcd.alpha was 1, is 2",
      ],
      [
        [greedy("regular"), seed("vcd", 0), greedy("vcd")],
        "the order of the series is another one",
      ],
    ] as const) {
      await expect(open({ series }), message).rejects.toThrow(
        `holds a run with other settings: ${message}. Use the same settings`,
      );
    }
    await writeFile(join(folder, "settings.json"), JSON.stringify({ ...settings, series: 5 }));
    await expect(open()).rejects.toThrow(/series was 5, is /);
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
    "%s is a folder: a DatasetError that names it",
    async (name) => {
      await mkdir(join(folder, name));
      const failure = open();
      await expect(failure).rejects.toThrow(DatasetError);
      await expect(failure).rejects.toThrow(`${join(folder, name)}: this is a folder; expected a`);
    },
  );

  test("a pipe or a device is refused, not waited for", async () => {
    await symlink("/dev/zero", join(folder, "answers.jsonl"));
    await writeFile(join(folder, "settings.json"), JSON.stringify(settings));
    await expect(DurableLog.open(join(folder, "answers.jsonl"))).rejects.toThrow(
      /answers\.jsonl: a pipe or device; expected a file/,
    );
    await expect(DurableLog.open(join(folder, "none", "verdicts.jsonl"))).rejects.toThrow(
      DatasetError,
    );
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
