import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const readme = read("README.md");

test("code shown in the README is that of the examples, which are type-checked", () => {
  const blocks = [...readme.matchAll(/<!-- (examples\/[\w-]+\.ts) -->\n```ts\n([\s\S]*?)```/g)];
  expect(blocks.length).toBeGreaterThan(0);
  for (const [, path, code] of blocks) expect(code).toBe(read(path!));
});

test("every TypeScript block of the README names its example", () => {
  expect(readme.match(/```ts\n/g)!.length).toBe(
    readme.match(/<!-- examples\/[\w-]+\.ts -->/g)!.length,
  );
});

test("CI runs the README's test command, and every npm script that the README names exists", () => {
  expect(readme).toContain("npm ci && npm run check");
  expect(read(".ci/run")).toContain("npm ci && npm run");
  for (const [, script] of readme.matchAll(/npm run (?:-s )?([\w-]+)/g))
    expect(packageJson.scripts).toHaveProperty(script!);
});

test("links to files lead somewhere", () => {
  for (const [, path] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    if (path!.includes(".")) expect(() => read(path!), path).not.toThrow();
  }
});
