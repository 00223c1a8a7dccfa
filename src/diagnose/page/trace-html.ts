import { createHash } from "node:crypto";
import type { Explanation } from "../contract/explanation.js";
import { PAGE_SCRIPT, PAGE_STYLE } from "./page-parts.js";

/**
 * A page that shows an explanation, whole in one file: it asks nothing of any network. Without one, a page that opens
 * trace files which are dropped on it, or the one that its address names (`?trace=url`).
 *
 * @param explanation with the image in it (`embedImage` of `explainAnswer`), if the page is to show it
 */
export function traceHtml(explanation?: Explanation): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(explanation === undefined)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trace</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<div id="page">This page needs its script.</div>
${explanation === undefined ? "" : `<script type="application/json" id="trace">${embedded(explanation)}</script>\n`}<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

/** Whatever a trace holds, this style sheet and this script alone, and pictures from within the trace. */
function policy(fetches: boolean): string {
  return [
    "default-src 'none'",
    "img-src data:",
    `style-src '${hashOf(PAGE_STYLE)}'`,
    `script-src '${hashOf(PAGE_SCRIPT)}'`,
    ...(fetches ? ["connect-src http: https:"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** JSON that ends no script, whatever texts it holds. */
function embedded(explanation: Explanation): string {
  return JSON.stringify(explanation).replaceAll("<", "\\u003c");
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
