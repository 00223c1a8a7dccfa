import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("the script of the page is made of its sources", async () => {
  const made = promisify(execFile)(process.execPath, [
    "scripts/make-page.mjs",
    "report",
    "--check",
  ]);
  await expect(made).resolves.toMatchObject({ stderr: "" });
});
