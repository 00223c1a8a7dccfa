import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const src = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"));
const texts = new Map(files.map((path) => [path, readFileSync(`${src}${path}`, "utf8")]));

/** A file without its docstrings, whose examples import too. */
const codeOf = (path: string): string => texts.get(path)!.replaceAll(/^\/\*\*[\s\S]*?^ \*\//gm, "");

/** What a file imports, types included: files by their path in src, packages by name. */
const importsOf = (path: string): string[] =>
  [...codeOf(path).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, target]) =>
    target!.startsWith(".")
      ? posix.join(posix.dirname(path), target!).replace(/\.js$/, ".ts")
      : target!,
  );
const arrows = files.flatMap((from) => importsOf(from).map((to) => ({ from, to })));
const shown = ({ from, to }: { from: string; to: string }) => `${from} -> ${to}`;

/** Rooms of a folder from the ground up, as its README draws them: each arrow is one step. */
function stepsOf(folder: string): string[][] {
  const readme = readFileSync(`${src}${folder}README.md`, "utf8");
  const [, line] = /^ {4}(\S.* <- .*)$/m.exec(readme)!;
  return line!.split("<-").map((step) => step.split(",").map((room) => room.trim()));
}

/** The room a file lies in: the longest name that its path begins with. */
const roomOf = (path: string, rooms: readonly string[]): string | undefined =>
  rooms
    .filter((room) => path === room || path.startsWith(`${room}/`))
    .sort()
    .at(-1);

describe.each(["", "eval/", "diagnose/"])("rooms of src/%s", (folder) => {
  const steps = stepsOf(folder);
  const rooms = steps.flat();
  const placed = files.filter((path) => path.startsWith(folder));
  const room = (path: string) => roomOf(path.slice(folder.length), rooms);

  test("every file has its room, and every room its files", () => {
    expect(placed.filter((path) => room(path) === undefined)).toEqual([]);
    expect([...new Set(placed.map(room))].sort()).toEqual([...rooms].sort());
  });

  test("imports go to rooms below, or stay in their own", () => {
    const height = (path: string) => steps.findIndex((step) => step.includes(room(path)!));
    const upwards = arrows.filter(
      ({ from, to }) =>
        placed.includes(from) &&
        placed.includes(to) &&
        room(from) !== room(to) &&
        height(to) >= height(from),
    );
    expect(upwards.map(shown)).toEqual([]);
  });
});

test("every import within src leads to a file", () => {
  const lost = arrows.filter(({ to }) => to.endsWith(".ts") && !texts.has(to));
  expect(lost.map(shown)).toEqual([]);
});

test("no import goes round in a circle", () => {
  const done = new Set<string>();
  const circleFrom = (path: string, above: readonly string[]): string[] | undefined => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (done.has(path) || !texts.has(path)) return undefined;
    for (const target of importsOf(path)) {
      const circle = circleFrom(target, [...above, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  expect(files.flatMap((path) => circleFrom(path, []) ?? [])).toEqual([]);
});

test("rooms below node run anywhere: they import nothing of Node", () => {
  const steps = stepsOf("");
  const node = steps.findIndex((step) => step.includes("node"));
  const portable = steps.slice(0, node).flat();
  expect(portable).toContain("core.ts");
  const native = /^(node:.*|onnxruntime-node|sharp|fs|path|os|crypto|worker_threads)(\/.*)?$/;
  const offending = arrows.filter(
    ({ from, to }) => portable.includes(roomOf(from, steps.flat())!) && native.test(to),
  );
  expect(offending.map(shown)).toEqual([]);
});

test("evaluation and the command line use faces, as any user does", () => {
  const faces = [
    "index.ts",
    "core.ts",
    "eval/index.ts",
    "diagnose/index.ts",
    "server/index.ts",
    "mcp/index.ts",
    "errors.ts",
  ];
  const behind = arrows.filter(
    ({ from, to }) =>
      /^(eval|diagnose|chat|server|ai-sdk|mcp|cli)\//.test(from) &&
      texts.has(to) &&
      to.split("/")[0] !== from.split("/")[0] &&
      !faces.includes(to) &&
      !/^(math|objects|chat)\//.test(to),
  );
  expect(behind.map(shown)).toEqual([]);
});

test("no file is over 300 lines", () => {
  const lines = (path: string) => texts.get(path)!.split("\n").length - 1;
  expect(files.filter((path) => lines(path) > 300)).toEqual([]);
});
