import { expect, test } from "vitest";
import { namedMethods, onOneModel, withModels } from "../../src/cli/run-methods.js";
import { methodNamed } from "../../src/index.js";
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

test("evaluation sees one model, on which each method is answered by its own handle", async () => {
  await using stock = fakeModel({ respond: () => "stock" });
  await using steered = fakeModel({ respond: () => "steered" });
  const plain = methodNamed("regular");
  const settings = { image: 0.4, method: { name: "regular" } };
  const { methods, model } = onOneModel(
    new Map([
      ["regular", { method: plain, settings: plain.settings }],
      ["vti", { method: plain, model: steered, settings }],
    ]),
    stock,
  );
  const answer = async (name: string) =>
    (await model.generateBatch([{ prompt: "?", method: methods.get(name)! }]))[0]?.text;
  expect(await answer("regular")).toBe("stock");
  expect(await answer("vti")).toBe("steered");
  expect(methods.get("vti")?.settings).toEqual(settings);
  expect(model.info).toBe(stock.info);
});
