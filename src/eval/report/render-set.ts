import { tallyText } from "../judge/judge-answers.js";
import { fewImagesWarning } from "../statistics/unvaried.js";
import { behaviourTables } from "./behaviour-tables.js";
import { escapeHtml } from "./escape-html.js";
import { failuresText } from "./failures-text.js";
import { shownNumber, unitOf } from "./format-value.js";
import { htmlTable } from "./html-table.js";
import { intervalPlot } from "./interval-plot.js";
import {
  controlsTable,
  decodingOf,
  figuresTable,
  groupsTable,
  shownName,
} from "./report-tables.js";
import type { Decoding, Disagreement, SetAnalysis } from "./run-analysis.js";

/** An image of an example as a data: address; null when there is none. */
export type ImageAddress = (set: string, image: string) => string | null;

/** All figures of one set, and questions on which methods disagree. */
export function renderSet(set: SetAnalysis, imageAddress: ImageAddress): string {
  const metric = set.primaryMetric;
  const plotted = set.methods.flatMap((method) => {
    const figure = method.figures[metric.name];
    if (figure?.value.value === undefined || figure.value.value === null) return [];
    if (figure.interval === null) return [];
    return [
      {
        label: `${shownName(method)}, ${decodingOf(method)}`,
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
<figure><figcaption>${escapeHtml(axis)} (${metric.better === "neither" ? "neither way is better" : `${metric.better} is better`})</figcaption><p class="hint">The drawing may be wider than the screen: it scrolls sideways.</p>${intervalPlot(plotted, axis)}</figure>
${verdicts.length === 0 ? "" : `<ul>${verdicts.join("")}</ul>`}
${htmlTable(figuresTable(set), `Figures on ${set.name}; intervals on demand`)}
${groups === null ? "" : `<h3>By part: ${escapeHtml(metric.title)}</h3>${htmlTable(groups, `${metric.title} on the parts of ${set.name}`)}`}
${behaviour(set)}
${examples(set, imageAddress)}
</section>`;
}

/** What the answers are like, and captions beside those cut to their recall. */
function behaviour(set: SetAnalysis): string {
  const controls = controlsTable(set);
  const tables = behaviourTables(set).map(({ title, table }) => htmlTable(table, title));
  if (controls !== null) tables.unshift(htmlTable(controls, "Controls made of regular's answers"));
  const beside = (set.frontier?.comparisons ?? []).map(
    ({ decoding, verdict, shown }) =>
      `<li class="${shown ? "shown" : "unshown"}">${decoding}: ${escapeHtml(verdict)}</li>`,
  );
  if (tables.length + beside.length === 0) return "";
  const list = beside.length === 0 ? "" : `<ul>${beside.join("")}</ul>`;
  return `<details><summary>What the answers are like</summary>${list}${tables.join("\n")}</details>`;
}

function examples(set: SetAnalysis, imageAddress: ImageAddress): string {
  if (set.disagreements.length === 0) return "";
  const cards = set.disagreements.map((one) => example(one, set, imageAddress));
  return `<details class="disagreements"><summary>Where methods disagree: the first ${cards.length} such questions</summary>
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
