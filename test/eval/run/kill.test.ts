import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../../src/math/seeded-random.js";

// It runs the package as it is built before the tests (test/global-setup.ts).
const script = fileURLToPath(new URL("fake-run.mjs", import.meta.url));
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
function run(out: string, pauseMs: number, kill?: Kill): Promise<{ killed: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, out, String(pauseMs)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const killSoon = () => setTimeout(() => child.kill("SIGKILL"), kill?.ms);
    if (kill?.after === "start") killSoon();
    child.on("message", () => {
      if (kill?.after === "open") killSoon();
    });
    child.on("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve({ killed: true });
      else if (code === 0) resolve({ killed: false });
      else reject(new Error(`the run ended with ${code ?? signal}`));
    });
  });
}

const answersOf = (out: string) => readFile(join(out, "answers.jsonl")).catch(() => Buffer.of());

test("kill -9 at 20 random moments: the final store equals that of an undisturbed run, byte for byte", async () => {
  const undisturbed = join(folder, "undisturbed");
  await run(undisturbed, 0);
  const expected = await answersOf(undisturbed);
  expect(expected.toString().trim().split("\n")).toHaveLength(60 * 9);

  const disturbed = join(folder, "disturbed");
  const random = new SeededRandom(20);
  let before = 0;
  for (let kill = 0; kill < 20; kill++) {
    const after = kill % 2 === 0 ? "open" : "start";
    const { killed } = await run(disturbed, 10, { after, ms: random.integer(200) });
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
  await run(disturbed, 0);
  expect((await answersOf(disturbed)).equals(expected)).toBe(true);
});
