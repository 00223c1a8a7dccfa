import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { drawing } from "../scripts/method-drawings.mjs";
// @ts-expect-error a script without types
import { DRAWINGS } from "../scripts/method-drawings-data.mjs";
import { METHODS } from "../src/index.js";

const folder = fileURLToPath(new URL("../docs/methods/", import.meta.url));
const read = (name: string) => readFileSync(`${folder}${name}`, "utf8");

describe.each(Object.values(METHODS))("$name", ({ name, settings, paper }) => {
  test("has a page that tells every setting, whom it follows, and how it did", () => {
    const page = read(`${name}.md`);
    expect(page).toMatch(new RegExp(`^# ${name}: `));
    expect(page).toContain(`![](${name}.svg)`);
    for (const setting of Object.keys(settings)) expect(page).toContain(`\`${setting}\``);
    const [number] = /\d{4}\.\d{5}/.exec(paper ?? "") ?? [];
    if (number !== undefined) expect(page).toContain(number);
    expect(page).toContain("**Cost.**");
  });

  test("has the drawing that the script makes", () => {
    const data = DRAWINGS.find((one: { name: string }) => one.name === name);
    expect(data).toBeDefined();
    expect(read(`${name}.svg`)).toBe(drawing(data));
  });

  test("stands in the list with its summary and cost", () => {
    const { summary, cost } = METHODS[name]!;
    const source = paper ?? "";
    expect(read("README.md")).toContain(
      `| [\`${name}\`](${name}.md) | ${summary} | ${cost} | ${source} |`,
    );
  });
});

test("pages are of methods that exist", () => {
  const table = read("README.md").matchAll(/^\| \[`([\w-]+)`\]\((.*?)\)/gm);
  for (const [, name, page] of table) {
    expect(METHODS).toHaveProperty(name!);
    expect(existsSync(`${folder}${page}`)).toBe(true);
  }
});
