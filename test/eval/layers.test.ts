import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../src/eval/", import.meta.url));

/** Rooms from the ground up, as the README of the room draws them: each arrow is one step. */
const LAYERS: readonly (readonly string[])[] = /^ {4}(contract .*)$/m
  .exec(readFileSync(`${folder}README.md`, "utf8"))![1]!
  .split("<-")
  .map((step) => step.split(",").map((room) => room.trim()));

const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"));

/** A folder, or a file that lies beside the folders. */
const roomOf = (path: string): string => path.split("/")[0]!;

/** Files of this room that a file imports, types included. */
function importsOf(path: string): string[] {
  const text = readFileSync(`${folder}${path}`, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g)]
    .map(([, target]) => `${posix.join(posix.dirname(path), target!)}.ts`)
    .filter((target) => !target.startsWith(".."));
}

test("every room has its place, and every place its room", () => {
  expect([...new Set(files.map(roomOf))].sort()).toEqual(LAYERS.flat().sort());
});

test("imports go to rooms below, or stay in their own", () => {
  const height = (path: string) => LAYERS.findIndex((step) => step.includes(roomOf(path)));
  const upwards = files.flatMap((path) =>
    importsOf(path)
      .filter((target) => roomOf(target) !== roomOf(path) && height(target) >= height(path))
      .map((target) => `${path} -> ${target}`),
  );
  expect(upwards).toEqual([]);
});

test("no import goes round in a circle", () => {
  const done = new Set<string>();
  const circleFrom = (path: string, above: readonly string[]): string[] | undefined => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const target of importsOf(path)) {
      const circle = circleFrom(target, [...above, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  expect(files.flatMap((path) => circleFrom(path, []) ?? [])).toEqual([]);
});

test("no file is over 300 lines", () => {
  const lines = (path: string) => readFileSync(`${folder}${path}`, "utf8").split("\n").length - 1;
  expect(files.filter((path) => lines(path) > 300)).toEqual([]);
});

test("the command line goes through the face", () => {
  const cli = fileURLToPath(new URL("../../src/cli/", import.meta.url));
  const others = readdirSync(cli).flatMap((name) =>
    [...readFileSync(`${cli}${name}`, "utf8").matchAll(/"(\.\.\/eval\/[^"]+)"/g)]
      .filter(([, target]) => target !== "../eval/index.js")
      .map(([, target]) => `${name}: ${target}`),
  );
  expect(others).toEqual([]);
});
