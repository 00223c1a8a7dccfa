/** The AI SDK itself, on the Node that it needs: its calls, the example, and what the guide prints. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENTS, clientNode } from "../clients/client-node.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const node = clientNode();
const guide = readFileSync(`${root}docs/ai-sdk.md`, "utf8");
const programs = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!);

describe.skipIf(node === undefined)("with the AI SDK", () => {
  /** A folder as a user has one: with the packages installed, and a picture. */
  let project: string;
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), "groundsight-ai-sdk-"));
    mkdirSync(join(project, "node_modules"));
    symlinkSync(root, join(project, "node_modules/groundsight"), "junction");
    for (const name of ["ai", "@ai-sdk"]) {
      symlinkSync(join(CLIENTS, "node_modules", name), join(project, "node_modules", name));
    }
    copyFileSync(`${root}pocket/bench/dev/images/dev_000145.png`, join(project, "photo.jpg"));
  });
  afterAll(() => rmSync(project, { recursive: true }));

  const run = async (name: string, code: string) => {
    await writeFile(join(project, name), code);
    const { stdout, stderr, status } = spawnSync(node!, [name], { cwd: project, encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    return stdout.trimEnd().split("\n");
  };

  test("provider and middlewares do what its functions ask of them", () => {
    const { stdout, status } = spawnSync(node!, ["--test", "ai-sdk-provider.test.mjs"], {
      cwd: CLIENTS,
      encoding: "utf8",
    });
    expect(stdout).toContain("# fail 0");
    expect(status, stdout).toBe(0);
  });

  test("the example runs", async () => {
    const lines = await run("ai-sdk.mjs", readFileSync(`${root}examples/ai-sdk.mjs`, "utf8"));
    expect(lines).toEqual([
      expect.stringMatching(/^(Yes|No) -?\d/),
      expect.stringMatching(/^The image shows /),
      expect.stringMatching(/^The image shows .* \((unchanged|shortened), \d questions\)$/),
    ]);
  });

  test("the guide has programs, each of which runs", async () => {
    expect(programs.length).toBeGreaterThan(3);
    for (const [i, code] of programs.entries()) {
      const lines = await run(`guide-${i}.mjs`, code);
      expect(lines.join("")).not.toContain("undefined");
      expect(lines[0]).not.toBe("");
    }
  });
});
