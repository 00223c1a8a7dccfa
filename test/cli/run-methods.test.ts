import { describe, expect, test } from "vitest";
import { runMethods } from "../../src/cli/run-methods.js";
import type { TunedSetting } from "../../src/eval/index.js";

const flags = { methods: "vcd", without: "" };

test("baseline and control come first, unless left out by name", async () => {
  const names = async (more: object) => [...(await runMethods({ ...flags, ...more })).keys()];
  expect(await names({})).toEqual(["regular", "apc", "vcd"]);
  expect(await names({ methods: "vcd,regular, vcd:alpha=2" })).toEqual([
    "regular",
    "apc",
    "vcd",
    "vcd:alpha=2",
  ]);
  expect(await names({ without: "apc" })).toEqual(["regular", "vcd"]);
  await expect(names({ without: "vcd" })).rejects.toThrow("without: received vcd");
});

test("settings are kept with each method", async () => {
  const methods = await runMethods({ ...flags, methods: "vcd:alpha=2,vcd", alpha: 0.5 });
  expect(methods.get("vcd:alpha=2")?.settings).toMatchObject({ alpha: 2 });
  expect(methods.get("vcd")?.settings).toMatchObject({ alpha: 0.5 });
});

describe("a tuned setting", () => {
  const tuned = (name: string, method = "vcd") =>
    [{ name, method: { name: method, settings: { alpha: 2 } } }] as unknown as TunedSetting[];

  test("is not changed by a flag, which is refused", async () => {
    const methods = { ...flags, methods: "" };
    const found = await runMethods({ ...methods, beta: 0.2 }, tuned("vcd"));
    expect(found.get("vcd")?.settings).toMatchObject({ alpha: 2, beta: 0.2 });
    await expect(runMethods({ ...methods, alpha: 3 }, tuned("vcd"))).rejects.toThrow(
      /alpha: no method of .* or each that has it names a value of its own/,
    );
  });

  test("is refused under the name of the baseline or the control", async () => {
    await expect(runMethods(flags, tuned("regular"))).rejects.toThrow(/under the name of regular/);
    await expect(runMethods(flags, tuned("apc"))).rejects.toThrow(/under the name of apc/);
  });

  test("of an unknown method is refused by its name", async () => {
    await expect(runMethods(flags, tuned("mine", "vdc"))).rejects.toThrow(/Did you mean 'vcd'/);
  });
});

test("vti without directions tells how to make them", async () => {
  await expect(runMethods({ ...flags, methods: "vti" })).rejects.toThrow(/groundsight steer fit/);
});

test("a flag that no method has is refused", async () => {
  await expect(runMethods({ ...flags, copies: 3 })).rejects.toThrow(/copies: no method of .* has/);
});
