import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { FAMILIES, familyOf } from "../src/families/registry.js";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const GUIDES = [
  "README.md",
  "CONTRIBUTING.md",
  "docs/ai-sdk.md",
  "docs/api-reference.md",
  "docs/bundlers.md",
  "docs/checkpoints.md",
  "docs/command-line.md",
  "docs/diagnose.md",
  "docs/errors.md",
  "docs/evaluation.md",
  "docs/extending.md",
  "docs/findings.md",
  "docs/install.md",
  "docs/mcp.md",
  "docs/models.md",
  "docs/tutorial.md",
  "docs/serve.md",
  "docs/steering.md",
  "src/README.md",
  "src/diagnose/README.md",
  "src/eval/README.md",
];

describe.each(GUIDES)("%s", (path) => {
  const guide = read(path);

  test("code shown is that of files, which are type-checked", () => {
    const blocks = [...guide.matchAll(/<!-- ([\w/.-]+\.ts) -->\n```ts\n([\s\S]*?)```/g)];
    expect(blocks).toHaveLength(guide.match(/```ts\n/g)?.length ?? 0);
    for (const [, file, code] of blocks) expect(code).toBe(read(file!));
  });

  test("changes shown fit the files that they change", () => {
    const diffs = [...guide.matchAll(/<!-- ([\w/.-]+\.ts) -->\n```diff\n([\s\S]*?)```/g)];
    expect(diffs).toHaveLength(guide.match(/```diff\n/g)?.length ?? 0);
    for (const [, file, diff] of diffs) {
      const lines = read(file!).split("\n");
      const kept = diff!.split("\n").filter((line) => /^[ -]/.test(line));
      for (const line of kept) expect(lines).toContain(line.slice(1));
    }
  });

  test("JavaScript shown can be read by every Node that the package takes", () => {
    for (const [, code] of guide.matchAll(/```js\n([\s\S]*?)```/g)) {
      // Node 20 and 22 have no `using`; the Node that runs this may.
      expect(code).not.toMatch(/\busing\b/);
      const type = code!.includes("require(") ? "commonjs" : "module";
      const checking = ["--check", `--input-type=${type}`, "-"];
      const { stderr } = spawnSync(process.execPath, checking, { input: code, encoding: "utf8" });
      expect(stderr).toBe("");
    }
  });

  test("links to files lead somewhere", () => {
    for (const [, target] of guide.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      if (!target!.includes(".")) continue;
      expect(() => read(posix.join(posix.dirname(path), target!)), target).not.toThrow();
    }
  });

  test("files and folders of the source that are named exist", () => {
    for (const [, target] of guide.matchAll(/`((?:src|test|examples|scripts)\/[\w./-]+\.\w+)`/g)) {
      expect(() => read(target!), target).not.toThrow();
    }
  });
});

const readme = read("README.md");

test("CI runs the README's test command, and every npm script that the README names exists", () => {
  expect(readme).toContain("npm ci && npm run check");
  expect(read(".ci/run")).toContain("npm ci && npm run");
  for (const [, script] of readme.matchAll(/npm run (?:-s )?([\w:-]+)/g))
    expect(packageJson.scripts).toHaveProperty(script!);
});

test("pictures of the terminal keep their columns: browsers drop runs of blanks unless a style says otherwise", () => {
  const pictures = [...readme.matchAll(/\]\(([\w/]+\.svg)\)/g)].map(([, path]) => read(path!));
  expect(pictures).not.toEqual([]);
  for (const picture of [...pictures, read("scripts/terminal-picture.mjs")])
    expect(picture).toContain("<style>text{white-space:pre}</style>");
});

test("docs/models.md lists the model types that load, and those that are refused with a reason", () => {
  const [, loads, refused] = read("docs/models.md").split(
    /^## Families|^\| Refused .*$|^Every model type/m,
  );
  const types = (table: string, column: number) =>
    [...table.matchAll(/^\| [^-\n].*$/gm)].flatMap(([row]) =>
      [...row.split("|")[column]!.matchAll(/`([a-z][\w-]+)`/g)].map(([, type]) => type!),
    );
  const known = FAMILIES.flatMap(({ modelTypes }) => modelTypes);
  expect(
    types(loads!, 2)
      .filter((type) => type !== "model_type")
      .sort(),
  ).toEqual(known.sort());
  expect(types(refused!, 2)).not.toEqual([]);
  for (const type of types(refused!, 2))
    expect(() => familyOf(type), type).toThrow("cannot be run here");
});
