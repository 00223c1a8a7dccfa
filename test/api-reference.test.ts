import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const examples = readdirSync(`${root}examples`).map((name) => read(`examples/${name}`));

const { "./package.json": _, ...faces } = packageJson.exports;
const sources = Object.entries(faces).map(([name, { types }]) => [
  name.replace(".", "groundsight"),
  types.replace("./dist", "src").replace(".d.ts", ".ts"),
]);

describe.each(sources)("%s", (name, path) => {
  const [docstring] = /^\/\*\*[\s\S]*?\n \*\/\n/.exec(read(path!))!;
  const text = docstring.replaceAll(/^ \* ?/gm, "");

  test("begins with a docstring that names it", () => {
    expect(text).toMatch(new RegExp(`^@module ${name}$`, "m"));
  });

  test("shows an example, which is a file that is type-checked and run", () => {
    const [, code] = /^@example\n```ts\n([\s\S]*?)^```$/m.exec(text)!;
    expect(examples).toContain(code);
    expect(code).toContain(`from "${name}"`);
  });
});

test("the reference is made without a warning: every export documented, every link and type there", () => {
  const { scripts } = packageJson;
  const [program, ...args] = scripts["docs:api"].split(" ");
  expect(program).toBe("node");
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, "--emit", "none"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect({ status, text: stdout + stderr }).toMatchObject({
    status: 0,
    text: expect.not.stringMatching(/warning|error/i),
  });
});
