import { escapeHtml } from "./escape-html.js";
import type { Table } from "./report-tables.js";

/** A figure with what stands in brackets behind it: its interval, spread or number of answers. */
const FIGURE = /^([-+]?[\d.]+) \(((?:[-\d]|n = ).*)\)$/;

/** A table in a box that scrolls, also by keyboard. What stands in brackets behind figures is shown on demand. */
export function htmlTable([header = [], ...rows]: Table, caption: string): string {
  const heads = header.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`);
  const lines = rows.map(([first = "", ...cells]) => {
    const rest = cells.map((cell) => `<td>${cellHtml(cell)}</td>`);
    return `<tr><th scope="row">${escapeHtml(first)}</th>${rest.join("")}</tr>`;
  });
  const label = escapeHtml(caption);
  return `<p class="hint">The table may be wider than the screen: it scrolls sideways.</p>
<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table><caption>${label}</caption><thead><tr>${heads.join("")}</tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

function cellHtml(cell: string): string {
  const [, figure, sure] = FIGURE.exec(cell) ?? [];
  if (figure === undefined || sure === undefined) return escapeHtml(cell);
  return `<span title="${escapeHtml(sure)}">${figure}</span><span class="sure"> (${escapeHtml(sure)})</span>`;
}
