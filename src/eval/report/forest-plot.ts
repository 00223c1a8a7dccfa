import { ticksOver } from "./interval-plot.js";

/** One difference in a forest plot, in the unit shown. */
export interface ForestMark {
  /** Class of its drawing: what it is compared with, and whether it is shown to be better or worse. */
  readonly kind: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** An axis with room for all marks and for 0. */
export interface ForestAxis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

const ROW_HEIGHT = 22;

/** The axis of rows that are to be compared by eye. */
export function forestAxis(marks: readonly ForestMark[]): ForestAxis {
  const ticks = ticksOver(
    Math.min(0, ...marks.map(({ low }) => low)),
    Math.max(0, ...marks.map(({ high }) => high)),
  );
  return { from: ticks[0] ?? 0, to: ticks.at(-1) ?? 1, ticks };
}

/** The marks of one row, as wide as there is room: places are shares of the width. */
export function forestRow(marks: readonly ForestMark[], axis: ForestAxis): string {
  const x = placeOn(axis);
  const height = Math.max(1, marks.length) * (ROW_HEIGHT / 2) + ROW_HEIGHT / 2;
  const lines = axis.ticks.map(
    (tick) =>
      `<line class="${tick === 0 ? "zero" : "grid"}" x1="${x(tick)}" x2="${x(tick)}" y1="0" y2="${height}"/>`,
  );
  const drawn = marks.map(({ kind, value, low, high }, index) => {
    const y = (index + 1) * (ROW_HEIGHT / 2);
    return (
      `<g class="${kind}"><line class="interval" x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}"/>` +
      `<circle cx="${x(value)}" cy="${y}" r="4.5"/></g>`
    );
  });
  return `<svg class="forest-row" width="100%" height="${height}" aria-hidden="true">${lines.join("")}${drawn.join("")}</svg>`;
}

/** The numbers below the rows. */
export function forestTicks(axis: ForestAxis): string {
  const x = placeOn(axis);
  const numbers = axis.ticks.map(
    (tick) => `<text class="tick" x="${x(tick)}" y="13">${tick > 0 ? "+" : ""}${tick}</text>`,
  );
  return `<svg class="forest-row" width="100%" height="18" aria-hidden="true">${numbers.join("")}</svg>`;
}

/** Shares of the width; a margin is left for marks and numbers at the ends. */
function placeOn({ from, to }: ForestAxis): (value: number) => string {
  return (value) => `${(5 + (90 * (value - from)) / (to - from)).toFixed(2)}%`;
}
