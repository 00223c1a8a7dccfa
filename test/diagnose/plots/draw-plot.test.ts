import { beforeAll, describe, expect, test } from "vitest";
import type { Plot, Series } from "../../../src/diagnose/contract/analysis.js";
import { drawPlot } from "../../../src/diagnose/plots/draw-plot.js";
import { type PlotLibrary, plotLibrary } from "../../../src/diagnose/plots/plot-library.js";

let library: PlotLibrary;
beforeAll(async () => {
  library = await plotLibrary();
});

const series = (label: string, xs: readonly (number | string)[], bounded = true): Series => ({
  label,
  points: xs.map((x, i) => ({
    x,
    value: i + 1,
    low: bounded ? i : null,
    high: bounded ? i + 2 : null,
    n: 7,
  })),
});
const plot: Plot = {
  name: "falls",
  title: "How a <b> & b fall",
  mark: "line",
  x: { label: "rank" },
  y: { label: "share", domain: [0, 5] },
  series: [series("first", [1, 2, 3]), series("second", [1, 2, 3])],
};
const count = (svg: string, pattern: RegExp) => svg.match(pattern)?.length ?? 0;

describe("a plot", () => {
  test("has a line, a band, a shape and a name for each series, and a text for who cannot see", () => {
    const svg = drawPlot(library, plot);
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg" role="img"><title>/);
    expect(svg).toContain("<title>How a &lt;b&gt; &amp; b fall</title>");
    expect(svg).toContain("<desc>first, 1: 1 (0 to 2), n = 7; first, 2: 2 (1 to 3), n = 7;");
    expect(svg).toContain(">first</text>");
    expect(svg).toContain(">second</text>");
    expect(count(svg, /stroke="#0072b2"/g)).toBeGreaterThan(0);
    expect(count(svg, /stroke="#d55e00"/g)).toBeGreaterThan(0);
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toContain("NaN");
  });

  test("of classes has series beside each other, with bars for their intervals", () => {
    const one = { ...plot, mark: "dot", x: { label: "set" }, y: { label: "k" } } as const;
    const svg = drawPlot(library, {
      ...one,
      series: [series("first", ["a", "b"]), series("second", ["a", "b"])],
    });
    expect(svg).toContain(">set</text>");
    expect(count(svg, /<line [^>]*stroke="#0072b2"/g)).toBe(2);
    expect(svg).not.toContain("NaN");
    const unbounded = drawPlot(library, { ...one, series: [series("only", ["a"], false)] });
    expect(count(unbounded, /<line [^>]*stroke="#0072b2"/g)).toBe(0);
  });

  test("of checks has a row for each", () => {
    const svg = drawPlot(library, {
      ...plot,
      mark: "rows",
      series: [series("share", ["caption empty", "image below 224 pixels"])],
    });
    expect(svg).toContain(">image below 224 pixels</text>");
    expect(count(svg, /<line [^>]*stroke="#0072b2"/g)).toBe(2);
    expect(svg).not.toContain("NaN");
  });

  test("of layers has no ticks between them", () => {
    const svg = drawPlot(library, plot);
    const [, ticks] = /aria-label="x-axis tick label">(.*?)<\/g>/.exec(svg)!;
    expect(ticks!.match(/(?<=>)[\d.]+(?=<)/g)).toEqual(["1", "2", "3"]);
  });

  test("leaves out what is undefined", () => {
    const points = [{ x: 1, value: null, low: null, high: null, n: 0 }];
    const svg = drawPlot(library, { ...plot, series: [{ label: "none", points }] });
    expect(svg).toContain("none, 1: undefined, n = 0");
    expect(svg).not.toContain("NaN");
  });
});
