import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkCommand } from "../../src/cli/check-command.js";
import type { CaptionCheck } from "../../src/diagnose/index.js";

const image = "pocket/demo/dev_000010.png";
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function check(...args: string[]): Promise<string> {
  let output = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += String(text);
    return true;
  });
  await checkCommand().parseAsync([...args, "--threads", "1"], { from: "user" });
  return output;
}

function typed(text: string): void {
  const input = Readable.from([Buffer.from(text)]);
  vi.spyOn(process, "stdin", "get").mockReturnValue(input as never);
}

test("marks the doubtful words of a caption from standard input, and says why", async () => {
  typed("The image shows a horse and a bus.\n");
  const text = await check(image, "--calibration", "none");
  expect(text).toContain("[horse?]");
  expect(text).toMatch(/\? horse +\d+% +asked back, the model says no/);
  expect(text).toMatch(/\d of 2 doubtful/);
});

test("prints phrases of one's own as JSON, by the package's calibration", async () => {
  const caption = "A fluffy giraffe, there.";
  const told = JSON.parse(
    await check(image, caption, "--phrases", "giraffe,fluffy", "--json"),
  ) as CaptionCheck & { image: string };
  expect(told).toMatchObject({ schemaVersion: 1, image, caption, warnings: [] });
  expect(told.phrases.map(({ text, start }) => [text, start])).toEqual([
    ["fluffy", 2],
    ["giraffe", 9],
  ]);
  expect(told.doubtful.map(({ text }) => text)).toContain("giraffe");
});

test("refuses what it cannot use by name", async () => {
  await expect(check(image, " ")).rejects.toThrow("caption: received");
  await expect(check(image, "A dog.", "--signals", "luck")).rejects.toThrow('received "luck"');
  const broken = join(folder, "trust.json");
  await writeFile(broken, "[]");
  await expect(check(image, "A dog.", "--calibration", broken)).rejects.toThrow(
    `${broken}: the whole`,
  );
  await expect(check(image, "A dog.", "--calibration", join(folder, "no"))).rejects.toThrow(
    "cannot be read",
  );
  await expect(check("nowhere.png", "A dog.")).rejects.toThrow("nowhere.png");
});
