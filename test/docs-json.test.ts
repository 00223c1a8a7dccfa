import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}
const schemas = JSON.parse(read("docs/command-line.schema.json")) as Record<string, Schema>;
const image = "pocket/demo/dev_000008.png";
const COMMANDS: Record<string, string[][]> = {
  ask: [
    [image, "Is there a dog?", "--max-tokens", "4"],
    [image, "Describe it.", "--max-tokens", "4", "--logprobs", "2", "--method", "vcd"],
  ],
  compare: [[image, "A dog?", "--methods", "regular,vcd", "--max-tokens", "4"]],
  models: [[]],
};

/** Paths of fields that a value has and its schema does not name. Fields of objects that are left open are free. */
function unnamed(value: unknown, { properties, items }: Schema, path = ""): string[] {
  if (Array.isArray(value))
    return items === undefined ? [] : value.flatMap((one) => unnamed(one, items, `${path}[]`));
  if (typeof value !== "object" || value === null || properties === undefined) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const schema = properties[key];
    return schema === undefined ? [`${path}.${key}`] : unnamed(inner, schema, `${path}.${key}`);
  });
}

describe.each(Object.keys(schemas))("%s --json", (command) => {
  test.each(COMMANDS[command]!.map((args) => [args]))(
    "is as its schema says, without a field besides",
    (args) => {
      const program = [`${root}dist/cli/main.js`, command, ...args, "--json"];
      const { stdout } = spawnSync(process.execPath, program, { cwd: root, encoding: "utf8" });
      const value = JSON.parse(stdout) as unknown;
      z.fromJSONSchema(schemas[command] as never).parse(value);
      expect(unnamed(value, schemas[command]!)).toEqual([]);
    },
  );

  test("every field has its row in the guide", () => {
    const guide = read("docs/command-line.md");
    const top = schemas[command]!.properties ?? schemas[command]!.items!.properties!;
    for (const field of Object.keys(top)) expect(guide).toMatch(new RegExp(`\\b${field}\\b`));
  });
});
