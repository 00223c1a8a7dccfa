/** Every field of the families' configurations in Python is known: read, refused, the graph's, or of no effect. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FAMILIES } from "../../src/families/registry.js";
import { type SettingPart, settingGroup } from "../../src/families/setting-groups.js";

type Names = readonly string[];
/** What test/peers/make-config-fields.py wrote. */
const FIELDS: {
  readonly common: Names;
  readonly families: Readonly<Record<string, Readonly<Record<"top" | "text" | "vision", Names>>>>;
  readonly text: Readonly<Record<string, Names>>;
  readonly vision: Readonly<Record<string, Names>>;
  readonly generation: Names;
} = JSON.parse(readFileSync(new URL("../golden/config_fields.json", import.meta.url), "utf8"));

const unknown = (part: SettingPart, names: Names) =>
  names.filter((name) => settingGroup(part, name) === undefined).map((name) => `${part} ${name}`);

describe("fields of configurations in transformers", () => {
  test.each(Object.entries(FIELDS.families))("%s", (_, parts) => {
    const all = (["top", "text", "vision"] as const).flatMap((part) => unknown(part, parts[part]));
    expect(all).toEqual([]);
  });

  test.each(["text", "vision"] as const)("%s models that families are built of", (part) => {
    expect(Object.values(FIELDS[part]).flatMap((names) => unknown(part, names))).toEqual([]);
  });

  test("those that all configurations have, and those of generation_config.json", () => {
    const parts = ["top", "text", "vision"] as const;
    expect(parts.flatMap((part) => unknown(part, FIELDS.common))).toEqual([]);
    expect(unknown("generation", FIELDS.generation)).toEqual([]);
  });

  test("of every family that is taken, but for those that Python has under another name or not", () => {
    const taken = FAMILIES.flatMap(({ modelTypes }) => modelTypes);
    const others = taken.filter((type) => !(type in FIELDS.families));
    // FastVLM is fast_vlm there; Moondream's code is its own, around a Phi.
    expect(others.sort()).toEqual(["llava_qwen2", "moondream1"]);
  });
});
