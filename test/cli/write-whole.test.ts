import { existsSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeWhole } from "../../src/cli/write-whole.js";
import { DatasetError, InvalidArgumentError } from "../../src/index.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "write-whole-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("writes new files and replaces old ones, leaving nothing beside them", async () => {
  const path = join(folder, "a");
  for (const text of ["one", "two"]) {
    await writeWhole(path, new TextEncoder().encode(text));
    expect(await readFile(path, "utf8")).toBe(text);
  }
  expect(await readdir(folder)).toEqual(["a"]);
});

test("follows links, to files that are there and to files that are not yet", async () => {
  for (const name of ["there", "missing"]) {
    const [target, link] = [join(folder, name), join(folder, `${name}-link`)];
    if (name === "there") await writeFile(target, "old");
    await symlink(target, link);
    await writeWhole(link, "new");
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(target, "utf8")).toBe("new");
  }
});

test.skipIf(!existsSync("/dev/full"))("writes to devices and leaves them devices", async () => {
  // Links, so that a fault does not replace the machine's own devices.
  await symlink("/dev/null", join(folder, "null"));
  await writeWhole(join(folder, "null"), "text");
  await symlink("/dev/full", join(folder, "full"));
  await expect(writeWhole(join(folder, "full"), "text")).rejects.toThrow(DatasetError);
  for (const name of ["null", "full"]) {
    expect((await lstat(join(folder, name))).isSymbolicLink()).toBe(true);
    expect((await stat(`/dev/${name}`)).isCharacterDevice()).toBe(true);
  }
});

test("a path that cannot be written is wrong use, by name", async () => {
  for (const path of [folder, join(folder, "none", "a")]) {
    await expect(writeWhole(path, "text")).rejects.toThrow(InvalidArgumentError);
    await expect(writeWhole(path, "text")).rejects.toThrow(path);
  }
});
