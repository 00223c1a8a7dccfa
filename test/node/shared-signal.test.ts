import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHECKPOINTS } from "../global-setup.js";

// A worker runs what is built.
const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const { load } = (await import(built)) as typeof import("../../src/index.js");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signal-"));
  for (let i = 0; i < 16; i++) {
    const background = { r: 10 * i, g: 0, b: 0 };
    await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toFile(join(folder, `${i}.png`));
  }
});
afterAll(() => rm(folder, { recursive: true }));

test.each([false, true])(
  "16 requests with images share a signal: no warning of a leak, and one abort ends all (worker: %s)",
  async (worker) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    try {
      await using model = await load(`${CHECKPOINTS}concat`, { worker, threads: 1 });
      const ask = (signal: AbortSignal, maxTokens: number) =>
        model.generateSettled(
          Array.from({ length: 16 }, (_, i) => {
            const image = join(folder, `${i}.png`);
            return { image, prompt: "What is this?", maxTokens, signal };
          }),
        );
      const answers = await ask(new AbortController().signal, 1);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => "fulfilled"));
      const stop = new AbortController();
      const asked = ask(stop.signal, 400);
      stop.abort();
      const reasons = (await asked).map((one) => one.status === "rejected" && one.reason.code);
      expect(reasons).toEqual(reasons.map(() => "ABORTED"));
      await new Promise(setImmediate);
      expect(warnings).toEqual([]);
    } finally {
      process.off("warning", onWarning);
    }
  },
);
