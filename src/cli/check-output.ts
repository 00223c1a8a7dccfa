import type { CaptionCheck, PhraseEvidence } from "../diagnose/index.js";
import { style } from "./style.js";
import { wrapBehind, wrapText } from "./wrap-text.js";

/** A check for people: the caption with its doubtful words marked, then each with its reasons. */
export function checkText({ caption, phrases, doubtful, warnings }: CaptionCheck): string {
  const width = Math.max(0, ...phrases.map(({ text }) => text.length));
  return [
    wrapText(marked(caption, doubtful)),
    "",
    ...phrases.map((phrase) => line(phrase, width)),
    summary(phrases, doubtful),
    ...warnings.map((warning) => wrapBehind("! ", warning)),
  ].join("\n");
}

/** Marks also where there are no colours. */
function marked(caption: string, doubtful: readonly PhraseEvidence[]): string {
  let end = 0;
  let text = "";
  for (const phrase of [...doubtful].sort((a, b) => a.start - b.start)) {
    if (phrase.start < end) continue;
    text += caption.slice(end, phrase.start);
    text += style("red", `[${caption.slice(phrase.start, phrase.end)}?]`);
    end = phrase.end;
  }
  return (text + caption.slice(end)).trim();
}

function line({ text, trust, doubtful, reasons }: PhraseEvidence, width: number): string {
  const share = trust === null ? "   -" : `${(100 * trust).toFixed(0).padStart(3)}%`;
  const head = `${doubtful ? "?" : " "} ${text.padEnd(width)}  ${share}`;
  return doubtful ? wrapBehind(`${head}  `, reasons.join("; ")) : head;
}

function summary(phrases: readonly unknown[], doubtful: readonly unknown[]): string {
  if (phrases.length === 0) return "nothing to check";
  return `${doubtful.length} of ${phrases.length} doubtful`;
}
