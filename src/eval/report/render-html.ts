import { createHash } from "node:crypto";
import { endpointText, usageTable } from "./endpoint-text.js";
import { escapeHtml } from "./escape-html.js";
import { EXPLORER_STYLE } from "./explorer-style.js";
import { htmlTable } from "./html-table.js";
import { PAGE_SCRIPT } from "./page-script.js";
import { renderOverview } from "./render-overview.js";
import { type ImageAddress, renderSet } from "./render-set.js";
import { REPORT_STYLE } from "./report-style.js";
import { modelName, settingsTable } from "./report-tables.js";
import type { RunAnalysis } from "./run-analysis.js";
import { settingsText } from "./settings-text.js";

const STYLE = REPORT_STYLE + EXPLORER_STYLE;

/**
 * No network, whatever an answer holds: this style sheet, this script with the scripts it loads from beside the page,
 * and pictures from there.
 */
const POLICY = [
  "default-src 'none'",
  "img-src data: 'self'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(PAGE_SCRIPT)}' 'strict-dynamic'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A run's report as a page. Without script it holds all but the answers side by side, which lie beside it. */
export function renderHtml(analysis: RunAnalysis, imageAddress: ImageAddress): string {
  const { sets, settings } = analysis;
  const hasControl = settings.series.some(({ method }) => method === "apc");
  const usage = usageTable(analysis);
  const title = `Evaluation of ${escapeHtml(modelName(settings.model))}`;
  const links = sets.map(
    ({ name }) => `<a href="#${encodeURIComponent(name)}">${escapeHtml(name)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#explorer">To the answers</a>
<header>
<h1>${title}</h1>
<nav aria-label="Sections"><a href="#overview">Overview</a> <a href="#explorer">Answers</a> ${links.join(" ")} <a href="#settings">Settings</a></nav>
<p class="note"><b>regular</b> is the model as it is${hasControl ? ", <b>apc</b> the control that cuts implausible tokens and does\nnothing else" : ""}. A difference is called one when its 95% interval over images has no 0 and its p-value after Holm's
correction agrees.</p>
${[...settingsText(settings), ...endpointText(analysis)]
  .map((line) => `<p class="note">${escapeHtml(line)}</p>\n`)
  .join(
    "",
  )}<p class="intervals"><label><input type="checkbox" id="with-intervals"> Show intervals</label></p>
</header>
<main>
${renderOverview(analysis)}
<section id="explorer" aria-labelledby="explorer-title">
<h2 id="explorer-title">Side by side</h2>
<p class="note" id="explorer-note">The answers lie in the folder beside this page, and need its script.</p>
</section>
${sets.map((set) => renderSet(set, imageAddress)).join("\n")}
${usage === null ? "" : `<section id="usage"><h2>What the server was asked</h2>${htmlTable(usage, "Requests and tokens of each method")}</section>`}
<section id="settings" aria-labelledby="settings-title">
<h2 id="settings-title">Settings</h2>
${htmlTable(settingsTable(analysis), "Settings of the run")}
</section>
</main>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
