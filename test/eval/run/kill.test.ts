import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { hasNamespaces, UNSHARE } from "../namespaces.js";
import { ALL_ANSWERS, answersOf, killRun, startRun } from "./fake-runs.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kill-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** When to kill a run: so many milliseconds after its start, or after it opened its store. */
interface Kill {
  readonly after: "start" | "open";
  readonly ms: number;
}

/** Runs the fake evaluation; kills it without warning, unless it is done before. */
function run(
  out: string,
  pauseMs: number,
  kill?: Kill,
  container: readonly string[] = [],
): Promise<{ killed: boolean }> {
  return new Promise((resolve, reject) => {
    const child = startRun({ out, pauseMs, container });
    const killSoon = () => setTimeout(() => killRun(child), kill?.ms);
    if (kill?.after === "start") killSoon();
    child.stdout?.on("data", () => {
      if (kill?.after === "open") killSoon();
    });
    child.on("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve({ killed: true });
      else if (code === 0) resolve({ killed: false });
      else reject(new Error(`the run ended with ${code ?? signal}`));
    });
  });
}

/** `npm run test:kills` kills 100 times. */
const kills = Number(process.env.GROUNDSIGHT_KILLS ?? 20);

async function killOften(name: string, times: number, container: readonly string[]) {
  const undisturbed = join(folder, `${name} undisturbed`);
  await run(undisturbed, 0);
  const expected = await answersOf(undisturbed);
  expect(expected.toString().trim().split("\n")).toHaveLength(ALL_ANSWERS);

  const disturbed = join(folder, name);
  const random = new SeededRandom(20);
  let before = 0;
  for (let kill = 0; kill < times; kill++) {
    const after = kill % 2 === 0 ? "open" : "start";
    // So slow that all kills together leave something to be answered.
    const { killed } = await run(
      disturbed,
      times / 2,
      { after, ms: random.integer(200) },
      container,
    );
    expect(killed).toBe(true);
    const stored = await answersOf(disturbed);
    // Nothing stored is ever lost, and whole lines are those of the undisturbed run.
    const whole = stored.subarray(0, stored.lastIndexOf(0x0a) + 1);
    expect(whole.length).toBeGreaterThanOrEqual(before);
    expect(expected.subarray(0, whole.length).equals(whole)).toBe(true);
    before = whole.length;
  }
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(expected.length);
  await run(disturbed, 0, undefined, container);
  expect((await answersOf(disturbed)).equals(expected)).toBe(true);
  const left = await readdir(disturbed);
  expect(left.sort()).toEqual(["answers.jsonl", "settings.json", "timings.jsonl"]);
}

test(
  `kill -9 at ${kills} random moments: the final store equals that of an undisturbed run, byte for byte`,
  {
    timeout: 600_000,
  },
  () => killOften("kills", kills, []),
);

test.skipIf(!hasNamespaces())(
  `the same ${kills / 2} times in a process namespace, as in a container`,
  {
    timeout: 600_000,
  },
  () => killOften("container kills", kills / 2, UNSHARE),
);
