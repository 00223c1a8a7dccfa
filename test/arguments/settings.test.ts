import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSettings, type Setting, type SettingsSchema } from "../../src/arguments/settings.js";
import { InvalidArgumentError } from "../../src/errors.js";
import { METHODS } from "../../src/methods/registry.js";

const ENTRIES = Object.values(METHODS);
const PLAIN = ENTRIES.flatMap(({ name, settings }) =>
  Object.entries(settings).flatMap(([key, setting]) =>
    setting.type === "method" || setting.type === "asset" ? [] : [{ name, key, setting }],
  ),
);

describe.each(ENTRIES)("the schema of $name", ({ name, settings }) => {
  test("has defaults that pass its own checks, and come back as they are", () => {
    const defaults = checkSettings(name, settings, {});
    expect(checkSettings(name, settings, defaults)).toEqual(defaults);
    for (const [key, value] of Object.entries(defaults)) expect(value).toBe(settings[key]!.default);
    const nulls = Object.fromEntries(Object.keys(settings).map((key) => [key, null]));
    expect(checkSettings(name, settings, nulls)).toEqual(defaults);
  });

  test("says of each setting what it does", () => {
    for (const setting of Object.values(settings)) {
      expect(setting.summary).toMatch(/^\S.*[^.\s]$/);
    }
  });

  test("refuses an unknown name, suggesting the one that was meant", () => {
    for (const key of Object.keys(settings)) {
      const mistyped = { [`${key}s`]: 1 };
      expect(() => checkSettings(name, settings, mistyped)).toThrow(InvalidArgumentError);
      expect(() => checkSettings(name, settings, mistyped)).toThrow(
        `${name} has no option '${key}s'; did you mean ${key}?`,
      );
    }
    expect(() => checkSettings(name, settings, { constructor: 1 })).toThrow("no option");
  });
});

/** Values of a setting's range, its ends among them. */
function allowed(setting: Setting): fc.Arbitrary<unknown> {
  switch (setting.type) {
    case "number":
      return fc.double({
        min: Math.max(setting.min, -1e6),
        max: setting.max ?? 1e6,
        noNaN: true,
      });
    case "integer":
      return fc.integer({ min: setting.min, max: setting.max ?? 1e6 });
    case "choice":
      return fc.constantFrom(...setting.choices);
    default:
      return fc.string({ minLength: 1 }).filter((text) => text.trim() !== "");
  }
}

describe.each(PLAIN)("$name: $key", ({ name, key, setting }) => {
  const schema: SettingsSchema = { [key]: setting };

  test("takes every value of its range", () => {
    fc.assert(
      fc.property(allowed(setting), (value) => {
        expect(checkSettings(name, schema, { [key]: value })).toEqual({ [key]: value });
      }),
    );
  });

  test("refuses other types and values out of range, by name", () => {
    const others: unknown[] = [{}, [], true, Number.NaN];
    if (setting.type === "number" || setting.type === "integer") {
      others.push("1", Number.POSITIVE_INFINITY);
      // What scores in float32 do not bear.
      if (setting.type === "number") others.push(1e30);
      if (setting.max !== undefined) others.push(setting.max + 1);
      if (setting.min > Number.NEGATIVE_INFINITY) others.push(setting.min - 1);
      if (setting.type === "integer") others.push(setting.min + 0.5);
    } else others.push("", " ", 1);
    for (const value of others) {
      const check = () => checkSettings(name, schema, { [key]: value });
      expect(check, JSON.stringify(value)).toThrow(InvalidArgumentError);
      expect(check).toThrow(`${setting.called ?? key}: received`);
    }
  });
});

test("methods and assets are left to their owner", () => {
  const schema = {
    inner: { type: "method", default: null, summary: "a method" },
    numbers: { type: "asset", default: null, summary: "numbers" },
  } as const;
  expect(checkSettings("own", schema, { inner: 3, numbers: "anything" })).toEqual({});
});
