import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as core from "../src/core.js";
import { EXIT_STATUS, GroundsightError } from "../src/errors.js";

const guide = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8");
const rows = [...guide.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \| (\d) \| (.+) \| (.+) \|$/gm)];

describe("docs/errors.md", () => {
  test("has every code once, with its exit status", () => {
    const told = Object.fromEntries(rows.map(([, code, , status]) => [code, Number(status)]));
    expect(told).toEqual(EXIT_STATUS);
    expect(rows).toHaveLength(Object.keys(EXIT_STATUS).length);
  });

  test.each(rows.map(([, code, name]) => [code!, name!]))("%s is the code of %s", (code, name) => {
    const classes = core as unknown as Record<string, new (message: string) => Error>;
    const error = new classes[name!]!("as told");
    expect(GroundsightError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ code, name, message: "as told" });
  });
});
