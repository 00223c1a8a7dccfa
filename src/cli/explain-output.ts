import type { Explanation, PhraseEvidence, TokenEvidence } from "../diagnose/index.js";
import { textTable } from "../eval/index.js";
import { mapsText } from "./map-output.js";
import { style } from "./style.js";
import { columnsOf, wrapText } from "./wrap-text.js";

/** From so many nats on the image counts as speaking for a word, or against it: 1 nat is a factor of 2.7. */
const NATS = 1;

/** Columns of words; the others are numbers. */
const WORDS = [0, 8];

/** What the image says of a word. */
type Verdict = "for" | "against" | "neither";

/** An explanation for people: the answer with marks, phrases that are doubtful, and a line for each token. */
export function explanationText(explanation: Explanation): string {
  const { tokens, phrases, warnings } = explanation;
  const doubtful = phrases.filter((phrase) => phrase.doubtful);
  const maps = mapsText(explanation);
  const parts = [
    tokens.length === 0 ? "(no answer)" : markedAnswer(explanation),
    ...(doubtful.length === 0 ? [] : [doubtful.map(phraseText).join("\n")]),
    ...(tokens.length === 0 ? [] : [tokenTable(explanation), legend(explanation)]),
    ...(maps === undefined ? [] : [maps]),
    ...(warnings.length === 0 ? [] : [warnings.map((one) => wrapText(one, "  ")).join("\n")]),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The answer, each of its words with a mark of what the image says of it; colours say the same. */
function markedAnswer({ answer, tokens }: Explanation): string {
  const words = [...answer.matchAll(/\s*\S+/g)];
  const marked = words.map(({ 0: word, index }) => {
    const verdict = verdictOn(tokens.filter(isWithin(index, index + word.length)));
    const [, space, text, end] = /^(\s*)(.*?)([.,;:!?]*)$/s.exec(word)!;
    if (verdict === "for") return `${space}${style("green", `${text}+`)}${end}`;
    if (verdict === "against") return `${space}${style("red", `${text}-`)}${end}`;
    return word;
  });
  return wrapText(marked.join(""));
}

/** ln p of a word with the image less that without it, which is the sum over its tokens. */
function verdictOn(tokens: readonly TokenEvidence[]): Verdict {
  const nats = tokens.reduce((sum, { imageless }) => sum + (imageless?.difference ?? 0), 0);
  if (nats >= NATS) return "for";
  return nats <= -NATS ? "against" : "neither";
}

function isWithin(from: number, to: number): (token: TokenEvidence) => boolean {
  return ({ start, end }) => end > from && start < to;
}

function phraseText({ text, trust, reasons }: PhraseEvidence): string {
  const share = trust === null ? "" : ` (${Math.round(100 * trust)}% that it is there)`;
  return wrapText(`${style("red", "doubtful")}: ${text}${share}: ${reasons.join("; ")}`, "  ");
}

/** Columns without a value in any row are left out. */
function tokenTable({ tokens }: Explanation): string {
  const header = [
    "token",
    "p",
    "entropy",
    "|V_head|",
    "k",
    "noise",
    "no image",
    "base rank",
    "shift",
  ];
  const rows = tokens.map((token) => [
    tokenText(token.text),
    token.probability.toFixed(2),
    token.entropy.toFixed(2),
    String(token.plausible),
    String(token.elbow),
    signed(token.distorted?.difference),
    signed(token.imageless?.difference),
    token.base === null ? "" : String(token.base.rank),
    token.base?.shift ?? "",
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i]!.length)));
  const kept = header.flatMap((_, i) => (rows.some((row) => row[i] !== "") ? [i] : []));
  const aligned = [header, ...rows].map((row) =>
    kept.map((i) => (WORDS.includes(i) ? row[i]! : row[i]!.padStart(widths[i]!))),
  );
  return textTable(aligned, columnsOf());
}

/** A token's text on one line; one that is part of a character, or white space, in quotes. */
function tokenText(text: string): string {
  const trimmed = text.trim();
  const isShown = trimmed !== "" && !/[\p{C}\uFFFD]/u.test(trimmed);
  return isShown ? trimmed : JSON.stringify(text);
}

function signed(value: number | undefined): string {
  if (value === undefined) return "";
  const text = value.toFixed(1);
  return value > 0 && text !== "0.0" ? `+${text}` : text.replace("-0.0", "0.0");
}

function legend({ tokens, base }: Explanation): string {
  const hasImage = tokens.some(({ imageless }) => imageless !== null);
  const ofBase =
    base === null
      ? []
      : [
          `base rank: how many tokens ${base.kind === "base-llm" ? base.id : "the model without the image (an approximation of its base LLM)"} finds likelier`,
        ];
  const lines = [
    ...(hasImage
      ? [
          "+ the image speaks for the word, - against it; unmarked: the language alone says the same",
        ]
      : []),
    ...(hasImage
      ? ["noise, no image: by how many nats the token is likelier than with a noisy image, or none"]
      : []),
    "|V_head|: plausible tokens; k: tokens that compete",
    ...ofBase,
  ];
  return lines.map((one) => style("dim", wrapText(one, "  "))).join("\n");
}
