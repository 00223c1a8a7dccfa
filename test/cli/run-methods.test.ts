import { expect, test } from "vitest";
import { namedMethods, withModels } from "../../src/cli/run-methods.js";
import { fakeModel } from "../../src/testing/fake-model.js";

const flags = { methods: "vcd", without: "" };

test("baseline and control come first, unless left out by name", async () => {
  const names = async (more: object) =>
    (await namedMethods({ ...flags, ...more })).named.map(({ name }) => name);
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
  const { named } = await namedMethods({ ...flags, methods: "vcd:alpha=2", alpha: 0.5 });
  expect(named[2]?.settings).toMatchObject({ alpha: 2 });
});

test("vti without directions tells how to make them", async () => {
  await expect(namedMethods({ ...flags, methods: "vti" })).rejects.toThrow(/groundsight steer fit/);
});

test("methods on the stock model have no handle of their own", async () => {
  await using model = fakeModel();
  const { named, directions } = await namedMethods(flags);
  const methods = await withModels(named, model, directions);
  expect([...methods.keys()]).toEqual(["regular", "apc", "vcd"]);
  expect([...methods.values()].every((one) => one.model === undefined)).toBe(true);
});
