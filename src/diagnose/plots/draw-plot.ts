import type { Markish, PlotOptions } from "@observablehq/plot";
import type { Plot } from "../contract/analysis.js";
import type { PlotLibrary } from "./plot-library.js";
import { COLOURS, PLOT_STYLE } from "./plot-style.js";

const LEGEND_ROW = 20;
/** Width of a character, and of what is left for the axis, in pixels. */
const [CHARACTER, PLOT_WIDTH] = [7, 560];
const TITLE_ROW = 40;
/** Points that are told to who cannot see them; the data hold all. */
const MOST_TOLD = 60;

/** A datum as the marks take it. */
interface Datum {
  readonly x: number | string;
  readonly y: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly series: string;
}

/**
 * A plot as SVG: readable on light and dark pages, in colours that colour-blind people tell apart, and with a shape for each
 * series besides.
 */
export function drawPlot(library: PlotLibrary, plot: Plot): string {
  const data = plot.series.flatMap(({ label: series, points }) =>
    points.map(({ x, value: y, low, high }): Datum => ({ x, y, low, high, series })),
  );
  const legend = plot.series.length > 1 ? legendOf(library, plot) : [];
  const places = placesOf(plot, data);
  const values = {
    label: plot.y.label,
    labelAnchor: "center",
    labelArrow: "none",
    grid: true,
    ...(plot.y.domain === undefined ? {} : { domain: [...plot.y.domain] }),
  } as const;
  const svg = library.plot({
    document: library.document,
    width: 640,
    height: 380 + legend.length * LEGEND_ROW,
    marginTop: TITLE_ROW + legend.length * LEGEND_ROW,
    marginLeft: 60,
    marginBottom: 50,
    style: { fontSize: "12px" },
    ...(plot.mark === "rows" ? { x: values } : { y: values }),
    ...places.options,
    color: { domain: plot.series.map(({ label }) => label), range: [...COLOURS] },
    symbol: { domain: plot.series.map(({ label }) => label) },
    marks: [...marksOf(library, plot, data, places.at), ...legend],
  });
  return framed(svg.outerHTML, plot);
}

interface Places {
  readonly options: PlotOptions;
  /** Channels of a datum's place. */
  readonly at: { readonly x?: string; readonly y?: string; readonly fx?: string };
}

/** Where data stand along the x axis: dots of one class beside each other, a place for each series. */
function placesOf({ mark, x, series }: Plot, data: readonly Datum[]): Places {
  const classes = [...new Set(data.map((datum) => datum.x))];
  const named = classes.some((one) => typeof one === "string");
  if (mark === "rows") {
    const longest = Math.max(0, ...classes.map((one) => String(one).length));
    return {
      options: { y: { label: null, domain: classes }, marginLeft: 20 + 7 * longest },
      at: { y: "x" },
    };
  }
  const axis = { label: x.label, labelAnchor: "center", labelArrow: "none" } as const;
  if (named && mark === "dot") {
    const domain = series.map(({ label }) => label);
    const longest = Math.max(0, ...classes.map((one) => String(one).length));
    // Names that would run into each other are written upwards, with room for them below.
    const isTight = classes.length * (longest + 1) * CHARACTER > PLOT_WIDTH;
    const turned = isTight ? { tickRotate: -40, labelOffset: 34 + longest * CHARACTER * 0.65 } : {};
    return {
      options: {
        fx: { ...axis, ...turned, domain: classes, axis: "bottom" },
        x: { axis: null, domain },
        ...(isTight ? { marginBottom: 50 + longest * CHARACTER * 0.65 } : {}),
      },
      at: { fx: "x", x: "series" },
    };
  }
  const domain = x.domain ?? (named ? classes : undefined);
  // Layers and ranks have no halves.
  const isCount = classes.length <= 12 && classes.every((one) => Number.isInteger(one));
  return {
    options: {
      x: {
        ...axis,
        ...(named ? { type: "point" } : {}),
        ...(isCount ? { ticks: classes, tickFormat: "d" } : {}),
        ...(domain === undefined ? {} : { domain: [...domain] }),
      },
    },
    at: { x: "x" },
  };
}

function marksOf(
  { areaY, dot, lineY, ruleX, ruleY }: PlotLibrary,
  { mark }: Plot,
  data: readonly Datum[],
  at: Places["at"],
): Markish[] {
  const bounded = data.filter(({ low, high }) => low !== null && high !== null);
  if (mark === "rows") {
    return [
      ruleY(bounded, { ...at, x1: "low", x2: "high", stroke: "series", strokeWidth: 2 }),
      dot(data, { ...at, x: "y", fill: "series", symbol: "series", r: 4 }),
    ];
  }
  const ends = { ...at, y1: "low", y2: "high" };
  const drawn =
    mark === "line"
      ? [
          areaY(bounded, { ...ends, z: "series", fill: "series", fillOpacity: 0.25 }),
          lineY(data, { ...at, y: "y", z: "series", stroke: "series", strokeWidth: 2 }),
        ]
      : [ruleX(bounded, { ...ends, stroke: "series", strokeWidth: 2 })];
  return [...drawn, dot(data, { ...at, y: "y", fill: "series", symbol: "series", r: 4 })];
}

/** Each series by its shape and name, above the plot. */
function legendOf({ dot, text }: PlotLibrary, { series }: Plot): Markish[] {
  return series.map(({ label }, i) => {
    const options = {
      frameAnchor: "top-left",
      facet: "super",
      dy: (i - series.length) * LEGEND_ROW,
    } as const;
    const only = [{ label }];
    return [
      dot(only, { ...options, dx: 4, fill: "label", symbol: "label", r: 4 }),
      text(only, { ...options, dx: 14, text: "label", lineAnchor: "middle" }),
    ];
  });
}

/** The drawing with its page, its title, and a text for who cannot see it. */
function framed(svg: string, { title, series }: Plot): string {
  const open = svg.indexOf(">");
  const told = series.flatMap(({ label, points }) =>
    points.map(({ x, value, low, high, n }) => {
      const interval = low === null || high === null ? "" : ` (${short(low)} to ${short(high)})`;
      return `${label}, ${x}: ${value === null ? "undefined" : short(value)}${interval}, n = ${n}`;
    }),
  );
  return (
    `${svg.slice(0, open)} xmlns="http://www.w3.org/2000/svg" role="img">` +
    `<title>${escaped(title)}</title><desc>${escaped(told.slice(0, MOST_TOLD).join("; "))}</desc>` +
    `<style>${PLOT_STYLE}</style><rect class="page" width="100%" height="100%"/>` +
    `<text class="title" x="14" y="22" text-anchor="start">${escaped(title)}</text>` +
    `${svg.slice(open + 1)}\n`
  );
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
