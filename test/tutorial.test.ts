import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const guide = read("docs/tutorial.md");

/** The commands in their order, each with the lines of output that the guide shows behind it. */
const steps = [...guide.matchAll(/^```sh\n([\s\S]*?)^```(?:\n[^`]*?^```text\n([\s\S]*?)^```)?/gm)]
  .map(([, commands, shown = ""]) => ({ commands: linesOf(commands!), shown: linesOf(shown) }))
  .flatMap(({ commands, shown }) =>
    commands.map((command, i) => ({ command, shown: i === commands.length - 1 ? shown : [] })),
  );

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

let folder: string;
/** A folder that has what a clone has below `pocket`, and the package among its dependencies. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutorial-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules", "groundsight"), "junction");
  await symlink(join(root, "pocket"), join(folder, "pocket"), "junction");
  const demos = await readFile(join(root, "pocket/bench/dev/demonstrations.jsonl"), "utf8");
  await writeFile(join(folder, "few.jsonl"), demos.split("\n").slice(0, 4).join("\n"));
  // Plain JavaScript as it stands, which the guide says of it.
  await writeFile(join(folder, "compare.mjs"), read("examples/compare.ts"));
});
afterAll(() => rm(folder, { recursive: true }));

const PROGRAM = [
  "npx groundsight ",
  "npm run -s groundsight -- ",
  "node ", // of a file that the guide has the reader save
] as const;

/** The command with fewer images, demonstrations and rounds. */
function cheap(command: string): string {
  const fewer = command
    .replace(/--limit \d{2,}/, "--limit 1")
    .replace(/--demos \S+/, "--demos few.jsonl")
    .replace(/--maskings \d+/, "--maskings 1");
  return fewer.includes(" compare ") ? `${fewer} --rounds 1 --max-tokens 8` : fewer;
}

function run(command: string): string {
  const [program] = PROGRAM.filter((start) => command.startsWith(start));
  if (program === undefined) throw new Error(`the test does not know how to run: ${command}`);
  const words = cheap(command.slice(program.length - 1)).match(/"[^"]*"|\S+/g)!;
  const args = words.map((word) => word.replaceAll('"', ""));
  const main = program === "node " ? [] : [join(root, "dist/cli/main.js")];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...main, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  // Of a few demonstrations the direction may well be noise, as the command says.
  const told = stderr.replaceAll(/^groundsight: (?:image|text): .*\n/gm, "");
  expect(told.includes("groundsight:") ? told : "", command).toBe("");
  expect(status, `${command}\n${stderr}`).toBe(0);
  return `${stdout}${stderr}`;
}

test("the guide has commands, and each shown output belongs to one", () => {
  expect(steps.length).toBeGreaterThan(8);
  const shown = steps.filter((step) => step.shown.length > 0);
  expect(shown).toHaveLength(guide.match(/^```text$/gm)!.length);
});

test("the package is installed as docs/install.md says", () => {
  const [{ command }] = steps as [(typeof steps)[0]];
  expect(command).toMatch(/^npm install /);
  expect(linesOf(read("docs/install.md"))).toContain(command);
});

// In their order: later commands read what earlier ones have written.
test.each(steps.slice(1))("$command", ({ command, shown }) => {
  const output = linesOf(run(command));
  expect(output.length).toBeGreaterThan(0);
  const missing = shown.filter((line) => !output.includes(line));
  expect(missing, "lines of docs/tutorial.md to renew").toEqual([]);
});

test("what the guide says is there after it", () => {
  for (const path of ["runs/second/report.html", "runs/second/report.json"]) {
    expect(guide).toContain(path);
    expect(readFileSync(join(folder, path), "utf8")).not.toBe("");
  }
});
