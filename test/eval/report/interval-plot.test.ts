import { expect, test } from "vitest";
import { intervalPlot } from "../../../src/eval/report/interval-plot.js";

const figure = (label: string, value: number) => ({
  label,
  value,
  low: value - 2,
  high: value + 3,
});

test("one line and one point for each method, inside the drawing", () => {
  const svg = intervalPlot([figure("regular", 84.2), figure("vcd", 87)], "Accuracy, %");
  expect(svg.match(/class="interval"/g)).toHaveLength(2);
  const width = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
  for (const [, x] of svg.matchAll(/(?:cx|x1|x2)="([\d.-]+)"/g)) {
    expect(Number(x)).toBeGreaterThanOrEqual(0);
    expect(Number(x)).toBeLessThanOrEqual(width);
  }
  expect(svg).toContain(">84.2<");
});

test("values that are all the same, and tiny or large ranges, have a few round ticks", () => {
  for (const values of [[100], [0.01, 0.02], [0, 20000], [-3, 3]]) {
    const svg = intervalPlot(
      values.map((value) => ({ label: "m", value, low: value, high: value })),
      "x",
    );
    const ticks = svg.match(/class="tick"/g)?.length ?? 0;
    expect(ticks).toBeGreaterThanOrEqual(2);
    expect(ticks).toBeLessThanOrEqual(9);
    expect(svg).not.toContain("NaN");
  }
});

test("names are escaped; nothing to draw is no drawing", () => {
  expect(intervalPlot([figure("<a>", 1)], 'say "x"')).toContain("&lt;a&gt;");
  expect(intervalPlot([], "x")).toBe("");
});
