/**
 * Colours that people with any kind of colour blindness tell apart, without black and yellow, which do not show on one of a
 * light and a dark page.
 *
 * @see Okabe and Ito 2008, Color Universal Design
 */
export const COLOURS: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#e69f00",
];

/** Style sheet within each plot, for light and dark pages. */
export const PLOT_STYLE: string =
  "svg{color:#1c2024;--plot-background:#fff}.page{fill:#fff}.title{font-weight:600;font-size:14px}" +
  "@media (prefers-color-scheme:dark){svg{color:#e8eaed;--plot-background:#131518}.page{fill:#131518}}";
