import { directionsId, METHODS, type SteeringDirections } from "groundsight";
import { describe, expect, test } from "vitest";
import { chatMethod, offeredMethods, type SteeringFiles } from "../../src/chat/chat-method.js";

const part = { layers: 1, positions: 1, width: 2, data: Float32Array.of(1, 0) };
const fitted = (facts: SteeringDirections["facts"]): SteeringDirections => ({
  modelHash: "0".repeat(64),
  image: part,
  text: part,
  facts,
});
const first = fitted({ model: "first" });
const subspace: SteeringDirections = {
  modelHash: "0".repeat(64),
  subspace: { layers: 1, rank: 1, width: 2, data: Float32Array.of(1, 0) },
  facts: {},
};
const files: SteeringFiles = new Map([
  ["first", first],
  ["null", subspace],
]);
const two: SteeringFiles = new Map([...files, ["second", fitted({ model: "second" })]]);
const none: SteeringFiles = new Map();

describe("the method of a chat", () => {
  test("is regular, or the server's, where none is named", () => {
    expect(chatMethod({}, none).name).toBe("regular");
    expect(chatMethod({}, none, "vcd:alpha=2").settings).toMatchObject({ alpha: 2 });
  });

  test("takes settings beside those behind its name", () => {
    const { settings } = chatMethod({ method: "vcd:alpha=2", settings: { noiseStep: 700 } }, none);
    expect(settings).toMatchObject({ alpha: 2, noiseStep: 700 });
    expect(chatMethod({ method: "vcd:alpha=2", settings: { alpha: 2 } }, none).settings.alpha).toBe(
      2,
    );
    expect(() => chatMethod({ method: "vcd:alpha=2", settings: { alpha: 3 } }, none)).toThrow(
      "settings: received alpha 3, and 2 behind the method's name; say it in one place",
    );
    // What the default says, a request may say otherwise.
    expect(chatMethod({ settings: { alpha: 3 } }, none, "vcd:alpha=2").settings.alpha).toBe(3);
  });

  test("takes the file that fits it, and strengths", () => {
    const { settings } = chatMethod({ method: "vti+vcd", steer: { image: 0.2 } }, files);
    expect(settings).toMatchObject({ directions: directionsId(first), image: 0.2, text: 0.4 });
    expect(settings.method).toMatchObject({ name: "vcd" });
    expect(chatMethod({ method: "nullu:k=1" }, files).name).toBe("nullu");
  });

  test("is steered where steering is asked for, whatever it is", () => {
    const { name, settings } = chatMethod({ method: "vcd", steer: "first" }, files);
    expect(name).toBe("vti");
    expect(settings.method).toMatchObject({ name: "vcd" });
    const averaging = chatMethod({ method: "averaging+vti", steer: "first" }, files);
    expect(averaging.name).toBe("averaging");
  });

  test("carries a method whose settings are null as one that has none", () => {
    const carried = { method: { name: "vcd", settings: null } };
    const { settings } = chatMethod({ method: "averaging", settings: carried }, none);
    expect(settings.method).toMatchObject({ name: "vcd", settings: { alpha: 1 } });
  });

  test.each([
    [{ method: "vdc" }, none, "Did you mean 'vcd'"],
    [{ method: "vcd", settings: { alfa: 1 } }, none, /^settings: .*alfa/],
    [{ method: "vcd:alpha=-1" }, none, /^settings: alpha: received -1/],
    [{ method: "vti" }, none, "there is no file for vti here"],
    [{ method: "vti" }, two, "expected one of first, second"],
    [{ steer: "third" }, files, "received 'third'; expected one of first"],
    [{ steer: "null" }, files, "received 'null'; expected one of first"],
    [{ method: "averaging", settings: { method: 3 } }, none, "expected a method's name"],
    [{ method: "vcd", settings: { __proto__: null, method: "vcd" } }, none, "method"],
  ])("refuses %j by name", (options, known, message) => {
    expect(() => chatMethod(options as object, known)).toThrow(message);
    expect(() => chatMethod(options as object, known)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

test("methods are offered that need no file, or whose file is there", () => {
  const without = Object.keys(METHODS).filter((name) => name !== "vti" && name !== "nullu");
  expect(offeredMethods(none)).toEqual(without);
  expect(offeredMethods(new Map([["null", subspace]]))).toEqual(expect.arrayContaining(["nullu"]));
  expect(offeredMethods(new Map([["null", subspace]]))).not.toContain("vti");
  expect(offeredMethods(files)).toEqual(Object.keys(METHODS));
});
