import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = join(root, "node_modules/typescript/bin/tsc");

/** A user's project, without the types of browsers, which checks the declarations of its packages too. */
let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "groundsight-types-"));
  await mkdir(join(project, "node_modules/@types"), { recursive: true });
  await symlink(root, join(project, "node_modules/groundsight"), "junction");
  for (const name of ["@types/node", "undici-types"]) {
    const target = join(root, "node_modules", name);
    await symlink(target, join(project, "node_modules", name), "junction");
  }
  await writeFile(join(project, "package.json"), '{"type":"module"}');
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    listFiles: true,
  };
  const config = { compilerOptions, files: ["main.ts"] };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify(config));
});
afterAll(() => rm(project, { recursive: true }));

async function checked(program: string): Promise<{ status: number | null; files: string[] }> {
  await writeFile(join(project, "main.ts"), program);
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", project], {
    encoding: "utf8",
  });
  if (status !== 0) console.error(stdout.split("\n").filter((line) => line.includes("error")));
  return { status, files: stdout.split("\n") };
}

test("every face's types hold with skipLibCheck off and without those of browsers", async () => {
  const faces = ["", "/core", "/eval", "/testing"].map(
    (face, i) => `import * as face${i} from "groundsight${face}"; console.log(face${i});`,
  );
  expect((await checked(faces.join("\n"))).status).toBe(0);
});

test("who loads a model loads the types of no other package", async () => {
  const program = `import { load } from "groundsight";
    const model = await load("pocket");
    console.log((await model.generate({ prompt: "?" })).text);`;
  const { status, files } = await checked(program);
  expect(status).toBe(0);
  const others = files.filter((path) =>
    /node_modules\/(?!groundsight\/|@types\/node|undici-types|typescript|@typescript)/.test(path),
  );
  expect(others).toEqual([]);
});
