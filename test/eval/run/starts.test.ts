import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { hasNamespaces, UNSHARE } from "../namespaces.js";
import { answersOf, killRun, startRun } from "./fake-runs.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starts-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `npm run test:kills` has 50 rounds. */
const rounds = Number(process.env.GROUNDSIGHT_KILLS ?? 8) / 2;

/** How long processes may take to load before they take the folder together. */
const LOADING_NS = 1_500_000_000n;

const locksIn = async (out: string) =>
  (await readdir(out)).filter((name) => name.startsWith("run.lock"));

/** What a run said, when it has ended in order. */
async function saidBy(run: ChildProcess): Promise<string> {
  let said = "";
  run.stdout?.on("data", (data) => {
    said += data;
  });
  const [code, signal] = await once(run, "close");
  expect([code, signal], said).toEqual([0, null]);
  return said.trim();
}

/** Runs in a folder until it is killed, which leaves a lock without an owner. */
async function leaveStaleLock(out: string, ms: number, container: readonly string[]) {
  const run = startRun({ out, pauseMs: 20, container });
  await once(run.stdout!, "data");
  await wait(ms);
  killRun(run);
  expect(await once(run, "exit")).toEqual([null, "SIGKILL"]);
  expect(await locksIn(out)).not.toEqual([]);
}

/** From when to when processes held the folder, in the order in which they began. */
async function holdings(journal: string) {
  const lines = (await readFile(journal, "utf8")).trim().split("\n");
  const times = lines.map((line) => line.split(" "));
  const held = times.flatMap(([what, from = "", who]) => {
    if (what !== "from") return [];
    const to = times.find(([other, , id]) => other === "to" && id === who)?.[1];
    return [{ from: BigInt(from), to: BigInt(to ?? expect.fail(`${who} held for ever`)) }];
  });
  return held.sort((a, b) => (a.from < b.from ? -1 : 1));
}

async function startOften(name: string, times: number, container: readonly string[]) {
  const undisturbed = join(folder, `${name} undisturbed`);
  await saidBy(startRun({ out: undisturbed, pauseMs: 0 }));
  const expected = await answersOf(undisturbed);

  const out = join(folder, name);
  const journal = `${out}.journal`;
  const random = new SeededRandom(21);
  let refused = 0;
  let stored: Buffer = Buffer.of();
  for (let round = 0; round < times; round++) {
    await leaveStaleLock(out, random.integer(60), container);
    // As soon as each can, or all at one moment.
    const begin = round % 2 === 0 ? 0n : process.hrtime.bigint() + LOADING_NS;
    const four = Array.from({ length: 4 }, () =>
      startRun({ out, pauseMs: 60, answers: 1, journal, begin, container }),
    );
    const said = await Promise.all(four.map(saidBy));
    expect(said).toContain("open");
    const others = said.filter((text) => text !== "open");
    for (const text of others) expect(text).toMatch(/^refused: .*(is writing|are taking) this run/);
    refused += others.length;
    expect(await locksIn(out)).toEqual([]);
    const before = stored.length;
    stored = await answersOf(out);
    // No line is lost, torn, twice or out of order.
    expect(stored.length).toBeGreaterThan(before);
    expect(expected.subarray(0, stored.length).equals(stored)).toBe(true);
  }
  expect(stored.length).toBeLessThan(expected.length);
  await saidBy(startRun({ out, pauseMs: 0, container }));
  expect((await answersOf(out)).equals(expected)).toBe(true);
  const settings = (of: string) => readFile(join(of, "settings.json"), "utf8");
  expect(await settings(out)).toBe(await settings(undisturbed));
  expect((await readdir(out)).sort()).toEqual(["answers.jsonl", "settings.json", "timings.jsonl"]);

  const held = await holdings(journal);
  expect(held).toHaveLength(4 * times - refused);
  const together = held.filter(({ from }, i) => i > 0 && from < held[i - 1]!.to);
  expect(together).toEqual([]);
  console.info(`${name}: ${times} rounds, ${held.length} held, one at a time; ${refused} refused`);
}

test(
  `${rounds} times four new processes on the lock of one that was killed: one holder at a time, the same bytes`,
  { timeout: 1_200_000 },
  () => startOften("starts", rounds, []),
);

test.skipIf(!hasNamespaces())(
  `the same ${Math.floor(rounds / 2)} times, each in a process namespace, as in containers`,
  { timeout: 1_200_000 },
  () => startOften("container starts", Math.floor(rounds / 2), UNSHARE),
);
