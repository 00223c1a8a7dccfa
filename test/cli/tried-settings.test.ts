import { describe, expect, test } from "vitest";
import { triedSettings } from "../../src/cli/tried-settings.js";

test("every combination is tried, by the name it is written with", () => {
  const tried = triedSettings("vcd", ["alpha=0.5,1", "noise-step=300,700"]);
  expect([...tried.keys()]).toEqual([
    "vcd:alpha=0.5:noiseStep=300",
    "vcd:alpha=0.5:noiseStep=700",
    "vcd:alpha=1:noiseStep=300",
    "vcd:alpha=1:noiseStep=700",
  ]);
  expect(tried.get("vcd:alpha=1:noiseStep=300")).toEqual({
    name: "vcd",
    settings: { alpha: 1, noiseStep: 300 },
  });
});

test("a setting goes to the method that is carried, if the outer one has none of that name", () => {
  const tried = triedSettings("vti:text=0+vcd", ["steer-image=0.2,0.4", "alpha=2"]);
  expect([...tried.keys()]).toEqual([
    "vti:text=0:image=0.2+vcd:alpha=2",
    "vti:text=0:image=0.4+vcd:alpha=2",
  ]);
});

describe("refused", () => {
  test.each([
    [["gamma=1"], /try: received gamma; vcd has alpha, beta, noiseStep/],
    [["alpha"], /try: received 'alpha'; expected name=value,value/],
    [["alpha=1,,2"], /expected name=value,value/],
    [["alpha=1,2,1"], /received alpha=1 twice/],
    [["alpha=1", "alpha=2"], /vcd has alpha=1 already/],
    [[`alpha=${Array.from({ length: 201 }, (_, i) => i)}`], /more than 200 combinations/],
  ])("%j", (tries, message) => {
    expect(() => triedSettings("vcd", tries)).toThrow(message);
  });

  test("a file", () => {
    expect(() => triedSettings("vti", ["directions=a,b"])).toThrow(/vti has image, text/);
  });
});
