import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { untilStopped } from "../../src/cli/stop-signal.js";
import { EXIT_STATUS, load } from "../../src/index.js";
import { writeSet } from "../eval/small-run.js";
import { CHECKPOINTS } from "../global-setup.js";
import { main } from "./groundsight.js";

const image = fileURLToPath(
  new URL("../../pocket/bench/dev/images/dev_000008.png", import.meta.url),
);
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

let folder: string;
let hub: Server;
let isAsked: () => void;
/** A hub that never answers: a model that is loading for as long as a test needs. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stop-"));
  hub = createServer(() => isAsked()).listen(0, "127.0.0.1");
  await once(hub, "listening");
});
afterAll(async () => {
  hub.closeAllConnections();
  hub.close();
  await rm(folder, { recursive: true });
});

function start(...args: string[]): { child: ChildProcess; said: () => string } {
  const { port } = hub.address() as AddressInfo;
  const child = spawn(process.execPath, [main, ...args, "--model", "some/model"], {
    env: {
      ...process.env,
      HF_ENDPOINT: `http://127.0.0.1:${port}`,
      GROUNDSIGHT_CACHE: join(folder, "cache"),
    },
  });
  let text = "";
  child.stdout!.on("data", (chunk) => {
    text += chunk;
  });
  child.stderr!.on("data", (chunk) => {
    text += chunk;
  });
  return { child, said: () => text };
}

async function commands(): Promise<Record<string, string[]>> {
  const demos = join(folder, "demos.jsonl");
  const demo = { image, caption: "a dog", hallucinated: "a dog and a cat" };
  await writeFile(demos, JSON.stringify(demo));
  const fit = ["steer", "fit", "--demos", demos, "--images", "/"];
  return {
    ask: ["ask", image, "What?"],
    compare: ["compare", image, "What?"],
    explain: ["explain", image, "What?", "--out", join(folder, "trace.json")],
    eval: ["eval", "pope", "--data", await writeSet(folder), "--out", join(folder, "run")],
    fit: [...fit, "--out", join(folder, "directions.safetensors")],
  };
}

test.each([
  ["ask", "SIGTERM"],
  ["compare", "SIGHUP"],
  ["explain", "SIGINT"],
  ["eval", "SIGINT"],
  ["eval", "SIGTERM"],
  ["fit", "SIGINT"],
  ["fit", "SIGTERM"],
] as const)(
  "%s, stopped by %s while its model loads: a sentence and status 1",
  async (name, signal) => {
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    const { child, said } = start(...(await commands())[name]!);
    await Promise.race([asked, once(child, "exit")]);
    child.kill(signal);
    const [status] = await once(child, "exit");
    expect(said()).toBe(`groundsight: stopped by ${signal} before the work was done\n`);
    expect(status).toBe(EXIT_STATUS.ABORTED);
    for (const left of ["run", "directions.safetensors", "trace.json"]) {
      expect(existsSync(join(folder, left))).toBe(false);
    }
  },
);

test("the first signal asks work to stop, and any second one is the system's", async () => {
  const before = SIGNALS.map((name) => process.listenerCount(name));
  const listening = () => SIGNALS.map((name, i) => process.listenerCount(name) - before[i]!);
  await untilStopped(async (signal) => {
    expect(listening()).toEqual([1, 1, 1]);
    process.emit("SIGINT");
    expect(signal.aborted).toBe(true);
    expect(listening()).toEqual([0, 0, 0]);
  });
  await untilStopped(async () => {});
  expect(listening()).toEqual([0, 0, 0]);
});

test("a model's graphs are opened one after another, so that signals are minded in between", async () => {
  const original = InferenceSession.create as (...given: unknown[]) => Promise<InferenceSession>;
  let [opening, most, all] = [0, 0, 0];
  const create = vi.spyOn(InferenceSession, "create");
  create.mockImplementation((async (...given: unknown[]) => {
    all++;
    most = Math.max(most, ++opening);
    return original.apply(InferenceSession, given).finally(() => opening--);
  }) as typeof InferenceSession.create);
  const model = await load(`${CHECKPOINTS}concat`);
  await model.dispose();
  create.mockRestore();
  expect({ all, most }).toEqual({ all: 3, most: 1 });
});
