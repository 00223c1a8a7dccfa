import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { fieldLacks, fieldPath, NEEDS_FIELD } from "./eval/field.js";

const script = "../scripts/mirage.mjs";
const NEEDED = ["cd_rethink", "cs263", "vcd-llava-1.6", "vlm-decoding-hal", "opera", "llava-align"];

describe.skipIf(fieldLacks(...NEEDED))(`docs/mirage.md ${NEEDS_FIELD}`, () => {
  test("is what its script makes of the public answers", async () => {
    const { mirage } = (await import(script)) as { mirage(folder: string): Promise<string> };
    const page = await readFile(new URL("../docs/mirage.md", import.meta.url), "utf8");
    expect(await mirage(fieldPath(""))).toBe(page);
  }, 600_000);
});
