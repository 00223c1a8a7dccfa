import type { Table } from "./report-tables.js";
import type { RunAnalysis } from "./run-analysis.js";

/** What a reader must know of answers that a server gave, a line each; empty where a checkpoint answered. */
export function endpointText({ settings, endpoint }: RunAnalysis): string[] {
  if (endpoint === undefined) return [];
  const { fingerprints, margins, unseeded, empty, unclear } = endpoint;
  const told = fingerprints.map(({ value, answers }) => `${value} (${answers} answers)`).join(", ");
  const server = "Which weights answered, and how they are run, is the server's matter";
  const changed = fingerprints.length > 1 ? "; it changed during the run" : "";
  return [
    told === ""
      ? `${server}: it told no system_fingerprint.`
      : `${server}: its system_fingerprint was ${told}${changed}.`,
    ...(settings.series.some(({ method }) => method === "apc")
      ? []
      : ["The control apc needs logits, which no endpoint gives: it is not in this run."]),
    ...marginsText(margins),
    ...(unseeded === 0
      ? []
      : [`The server refused a seed with ${unseeded} answers: they cannot be drawn again.`]),
    ...(empty === 0
      ? []
      : [
          `${empty} answers are empty, and count as they are: a model that reasons first may have spent its limit of tokens on that.`,
        ]),
    ...(unclear === 0
      ? []
      : [
          `${unclear} questions of verify about objects had neither yes nor no for an answer: these objects were not verified.`,
        ]),
  ];
}

function marginsText({ known, answers }: { readonly known: number; readonly answers: number }) {
  if (known === answers) return [];
  const some = known === 0 ? "no log-probabilities of yes and no" : `them of ${known} only`;
  return [
    `Of ${answers} yes/no answers of regular the server gave ${some}: the controls threshold and olm, which need all margins, are left out.`,
  ];
}

/** What the answers of each method took of a server; null where a checkpoint answered. */
export function usageTable({ endpoint }: RunAnalysis): Table | null {
  if (endpoint === undefined) return null;
  const { usage } = endpoint;
  const isPriced = usage.some(({ price }) => price !== null);
  const shown = (tokens: number | null) => (tokens === null ? "not told" : String(tokens));
  const rows = usage.map((one) => [
    one.method,
    String(one.answers),
    String(one.requests),
    shown(one.promptTokens),
    shown(one.answerTokens),
    ...(isPriced ? [one.price === null ? "" : one.price.toFixed(4)] : []),
  ]);
  const head = ["method", "answers", "requests", "prompt tokens", "answer tokens"];
  return [[...head, ...(isPriced ? ["price"] : [])], ...rows];
}
