import { z } from "zod";
import type { PhraseEvidence } from "../diagnose/index.js";

/** Most phrases that one result tells. */
const MOST_PHRASES = 100;

/** A phrase as results tell it. */
export interface ToldPhrase {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly object?: string | undefined;
  readonly trust: number | null;
  readonly doubtful: boolean;
  readonly reasons: readonly string[];
}

/** The schema of {@link ToldPhrase}. */
export const PHRASE: z.ZodType<ToldPhrase> = z.object({
  text: z.string(),
  start: z.number().describe("where it begins in the text, in UTF-16 units"),
  end: z.number().describe("where it ends, exclusive"),
  object: z.string().optional().describe("the object that it names"),
  trust: z.number().nullable().describe("estimated probability that it is in the image, 0 to 1"),
  doubtful: z.boolean().describe("whether it is better not said"),
  reasons: z.array(z.string()).describe("why it is doubtful"),
});

/** What is told of phrases. */
export function toldPhrases(phrases: readonly PhraseEvidence[]): ToldPhrase[] {
  return phrases
    .slice(0, MOST_PHRASES)
    .map(({ text, start, end, object, trust, doubtful, reasons }) => ({
      text,
      start,
      end,
      ...(object === undefined ? {} : { object }),
      trust: trust === null ? null : rounded(trust),
      doubtful,
      reasons,
    }));
}

/** In words: which are doubtful, a line each, and what could not be told. */
export function doubtsText(phrases: readonly ToldPhrase[], warnings: readonly string[]): string {
  const doubtful = phrases.filter((phrase) => phrase.doubtful);
  const lines = doubtful.map(({ text, trust, reasons }) => {
    const share = trust === null ? "" : ` (${Math.round(100 * trust)}% that it is there)`;
    return `- ${text}${share}: ${reasons.join("; ")}`;
  });
  return [
    summary(phrases.length, doubtful.length),
    ...lines,
    ...warnings.map((warning) => `Note: ${warning}`),
  ].join("\n");
}

function summary(checked: number, doubtful: number): string {
  if (checked === 0) return "No phrase could be checked.";
  return doubtful === 0 ? "No phrase is doubtful." : `Doubtful, ${doubtful} of ${checked}:`;
}

/** Four decimals: more would be noise that a reader pays for. */
export function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
