import { expect, test } from "vitest";
import { runMethods } from "../../src/cli/run-methods.js";

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
  const methods = await runMethods({ ...flags, methods: "vcd:alpha=2", alpha: 0.5 });
  expect(methods.get("vcd:alpha=2")?.settings).toMatchObject({ alpha: 2 });
});

test("vti without directions tells how to make them", async () => {
  await expect(runMethods({ ...flags, methods: "vti" })).rejects.toThrow(/groundsight steer fit/);
});

test("a flag that no method has is refused", async () => {
  await expect(runMethods({ ...flags, copies: 3 })).rejects.toThrow(/copies: no method of .* has/);
});
