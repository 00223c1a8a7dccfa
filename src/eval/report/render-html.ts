import { createHash } from "node:crypto";
import { tallyText } from "../judge/judge-answers.js";
import { fewImagesWarning } from "../statistics/unvaried.js";
import { escapeHtml } from "./escape-html.js";
import { failuresText } from "./failures-text.js";
import { shownNumber, unitOf } from "./format-value.js";
import { intervalPlot } from "./interval-plot.js";
import { REPORT_STYLE } from "./report-style.js";
import {
  decodingOf,
  figuresTable,
  groupsTable,
  modelName,
  settingsTable,
  type Table,
} from "./report-tables.js";
import type { Decoding, Disagreement, RunAnalysis, SetAnalysis } from "./run-analysis.js";

/** An image of an example as a data: address; null when there is none. */
export type ImageAddress = (set: string, image: string) => string | null;

/** No script, no network, whatever an answer holds: pictures within the file, and this one style sheet. */
const POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${createHash("sha256")
  .update(REPORT_STYLE)
  .digest("base64")}'; base-uri 'none'; form-action 'none'`;

/** A run's report as one HTML file that needs nothing else: no script, no network. */
export function renderHtml(analysis: RunAnalysis, imageAddress: ImageAddress): string {
  const title = `Evaluation of ${escapeHtml(modelName(analysis.settings.model))}`;
  const links = analysis.sets
    .map(({ name }) => `<a href="#${encodeURIComponent(name)}">${escapeHtml(name)}</a>`)
    .join(" ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p class="note">Figures with 95% intervals from a bootstrap over images. <b>regular</b> is the model as it is,
<b>apc</b> the control that cuts implausible tokens and does nothing else. Differences are called so only when
an interval without 0 and a p-value after Holm's correction agree.</p>
<nav aria-label="Sets">${links}</nav>
<main>
${analysis.sets.map((set) => renderSet(set, imageAddress)).join("\n")}
<h2>Settings</h2>
${table(settingsTable(analysis), "Settings of the run")}
</main>
</body>
</html>
`;
}

function renderSet(set: SetAnalysis, imageAddress: ImageAddress): string {
  const metric = set.primaryMetric;
  const plotted = set.methods.flatMap((method) => {
    const figure = method.figures[metric.name];
    if (figure?.value.value === undefined || figure.value.value === null) return [];
    if (figure.interval === null) return [];
    return [
      {
        label: `${method.method}, ${decodingOf(method)}`,
        value: shownNumber(metric, figure.value.value),
        low: shownNumber(metric, figure.interval.low),
        high: shownNumber(metric, figure.interval.high),
      },
    ];
  });
  const axis = `${metric.title}${unitOf(metric) === "" ? "" : `, ${unitOf(metric).trim()}`}`;
  const groups = groupsTable(set);
  const verdicts = set.comparisons.map(
    ({ decoding, verdict, shown }) =>
      `<li class="${shown ? "shown" : "unshown"}">${decoding}: ${escapeHtml(verdict)}</li>`,
  );
  const warning = fewImagesWarning(set.primaryImages);
  return `<section id="${escapeHtml(set.name)}">
<h2>${escapeHtml(set.name)}: ${escapeHtml(set.title)}</h2>
<p class="note">Rule <code>${escapeHtml(set.rule)}</code>, ${set.questions} questions about ${set.images} images.${set.judging === null ? "" : ` Verdicts: ${escapeHtml(tallyText(set.judging))}.`}</p>
${warning === null ? "" : `<p class="warning">${escapeHtml(warning)}</p>`}
${set.failures.answers.length === 0 ? "" : `<p><b>${escapeHtml(failuresText(set.failures))}</b></p>`}
<figure><figcaption>${escapeHtml(axis)} (${metric.better === "neither" ? "neither way is better" : `${metric.better} is better`})</figcaption>${intervalPlot(plotted, axis)}</figure>
${verdicts.length === 0 ? "" : `<ul>${verdicts.join("")}</ul>`}
${table(figuresTable(set), `Figures on ${set.name}; in brackets the 95% interval`)}
${groups === null ? "" : `<h3>By part: ${escapeHtml(metric.title)}</h3>${table(groups, `${metric.title} on the parts of ${set.name}`)}`}
${examples(set, imageAddress)}
</section>`;
}

function examples(set: SetAnalysis, imageAddress: ImageAddress): string {
  if (set.disagreements.length === 0) return "";
  const cards = set.disagreements.map((one) => example(one, set, imageAddress));
  return `<details open><summary>Where methods disagree: the first ${cards.length} such questions</summary>
<div class="examples">${cards.join("\n")}</div></details>`;
}

function example(
  { decoding, question, answers }: Disagreement,
  set: SetAnalysis,
  imageAddress: ImageAddress,
): string {
  const address = question.image === null ? null : imageAddress(set.name, question.image);
  const picture =
    address === null
      ? ""
      : `<img src="${address}" alt="${escapeHtml(`Image of the question: ${question.prompt}`)}" width="144">`;
  const lines = answers.map(
    ({ method, text, outcome, explanation }) =>
      `<li class="${outcome ?? "none"}"><b>${escapeHtml(method)}</b> ${escapeHtml(text) || "<i>empty</i>"}` +
      `<small>${escapeHtml(outcome ?? "")}: ${escapeHtml(explanation)}</small></li>`,
  );
  return `<article>${picture}<div><p>${escapeHtml(question.prompt)}</p>
<p class="note">truth: ${escapeHtml(question.truth)}; ${howOf(decoding, set)}</p><ul>${lines.join("")}</ul></div></article>`;
}

/** Which answers an example shows. */
function howOf(decoding: Decoding, { methods }: SetAnalysis): string {
  if (decoding === "sampling") return "first seed";
  const isDrawn = methods.some((one) => one.decoding === "greedy" && one.draws > 1);
  return isDrawn ? "greedy, first draw" : "greedy";
}

/** A table in a box that scrolls, also by keyboard. */
function table([header = [], ...rows]: Table, caption: string): string {
  const heads = header.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`);
  const lines = rows.map(([first = "", ...cells]) => {
    const rest = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`);
    return `<tr><th scope="row">${escapeHtml(first)}</th>${rest.join("")}</tr>`;
  });
  const label = escapeHtml(caption);
  return `<p class="hint">The table may be wider than the screen: it scrolls sideways.</p>
<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table><caption>${label}</caption><thead><tr>${heads.join("")}</tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}
