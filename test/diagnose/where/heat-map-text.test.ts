import { expect, test } from "vitest";
import { heatMapText } from "../../../src/diagnose/where/heat-map-text.js";

test("draws a map in blocks, nothing where a value is below 0", () => {
  const map = { rows: 2, columns: 3, values: [4, 2, 1, 0, -3, 3], how: "occlusion" } as const;
  expect(heatMapText(map)).toBe(["┌──────┐", "│██▒▒░░│", "│    ▓▓│", "└──────┘"].join("\n"));
});

test("draws nothing of a map without support", () => {
  const map = { rows: 1, columns: 2, values: [-1, 0], how: "occlusion" } as const;
  expect(heatMapText(map)).toBe(["┌────┐", "│    │", "└────┘"].join("\n"));
});
