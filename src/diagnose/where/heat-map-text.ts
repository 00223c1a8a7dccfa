import type { PatchMap } from "../contract/explanation.js";

/** From none to most; the same without colour. */
const SHADES = [" ", "░", "▒", "▓", "█"] as const;

/**
 * A map as rows of block characters, two to a cell, in a frame: blank where there is nothing or less, a full block at the
 * highest value.
 */
export function heatMapText({ columns, values }: PatchMap): string {
  const highest = Math.max(...values);
  const shade = (value: number) => {
    const level = highest > 0 ? Math.round((value / highest) * (SHADES.length - 1)) : 0;
    return SHADES[Math.max(0, level)]!.repeat(2);
  };
  const line = "─".repeat(2 * columns);
  const rows = Array.from({ length: values.length / columns }, (_, row) =>
    values
      .slice(row * columns, (row + 1) * columns)
      .map(shade)
      .join(""),
  );
  return [`┌${line}┐`, ...rows.map((row) => `│${row}│`), `└${line}┘`].join("\n");
}
