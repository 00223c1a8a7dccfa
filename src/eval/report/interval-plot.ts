import { escapeHtml } from "./escape-html.js";

/** One line of the plot: a value with its interval, in the unit shown. */
export interface PlottedFigure {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const LABEL_WIDTH = 190;
const PLOT_WIDTH = 420;
const ROW_HEIGHT = 24;
const AXIS_HEIGHT = 26;
const RIGHT = 70;

/**
 * Values with their intervals as an SVG image, on one axis; empty text when there is nothing to draw.
 *
 * @param title what the axis shows, with its unit
 */
export function intervalPlot(figures: readonly PlottedFigure[], title: string): string {
  if (figures.length === 0) return "";
  const ticks = ticksOver(
    Math.min(...figures.map(({ low }) => low)),
    Math.max(...figures.map(({ high }) => high)),
  );
  const [from = 0, to = 1] = [ticks[0], ticks.at(-1)];
  const x = (value: number) =>
    Number((LABEL_WIDTH + (PLOT_WIDTH * (value - from)) / (to - from)).toFixed(1));
  const bottom = figures.length * ROW_HEIGHT + 6;
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="0" y2="${bottom}"/>` +
      `<text class="tick" x="${x(tick)}" y="${bottom + 16}">${tick}</text>`,
  );
  const rows = figures.map(({ label, value, low, high }, index) => {
    const y = index * ROW_HEIGHT + ROW_HEIGHT / 2 + 3;
    return (
      `<text class="label" x="${LABEL_WIDTH - 10}" y="${y + 4}">${escapeHtml(label)}</text>` +
      `<line class="interval" x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}"/>` +
      `<circle class="value" cx="${x(value)}" cy="${y}" r="4"/>` +
      `<text class="figure" x="${x(high) + 8}" y="${y + 4}">${value.toFixed(1)}</text>`
    );
  });
  const read = figures.map(
    ({ label, value, low, high }) =>
      `${label} ${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`,
  );
  const spoken = escapeHtml(`${title}: ${read.join("; ")}`);
  const width = LABEL_WIDTH + PLOT_WIDTH + RIGHT;
  const height = bottom + AXIS_HEIGHT;
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${spoken}">${grid.join("")}${rows.join("")}</svg>`;
}

/** Round numbers that enclose a range, 3 to 8 of them. */
export function ticksOver(low: number, high: number): number[] {
  const span = Math.max(high - low, 1e-6);
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => span / s <= 6) ?? 10 * power;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(10)),
  );
}
