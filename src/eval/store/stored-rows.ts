import { z } from "zod";
import { DatasetError } from "../../errors.js";
import { listed, parseRows } from "../data/parse-rows.js";

/** Which answer: a set's question, as a method answers it under one seed or draw. */
export interface AnswerKey {
  readonly set: string;
  readonly id: string;
  readonly method: string;
  /** Null for greedy decoding. */
  readonly seed: number | null;
  /** Which draw of noise of a greedy answer, from 1 on; absent for the first one. */
  readonly draw?: number;
}

/** What was seen of an answer while it was decoded; what nobody could see is absent. */
export interface Observations {
  /**
   * Of a yes/no question: ln p(yes) - ln p(no) at the first token, in nats, by the raw logits of the method's first
   * stream. Which tokens count is part of the run's settings.
   */
  readonly margin?: number;
  /** p(yes) + p(no) there. */
  readonly mass?: number;
  /**
   * Positions at which the method changed what the model itself would do: under greedy decoding the best token, else
   * any score. Absent where it changes what the model is shown, so that the two cannot be compared.
   */
  readonly changed?: number;
}

/** A stored answer. It holds nothing that differs between two runs of the same settings. */
export interface StoredAnswer extends AnswerKey, Observations {
  readonly text: string;
  /** There when the answer was cut at the limit of its tokens. */
  readonly finish?: "length";
}

/** An answer that could not be had, for example since its image cannot be read. */
export interface StoredFailure extends AnswerKey {
  /** What went wrong, in words. */
  readonly error: string;
}

/** What an answer cost; kept apart, since it differs from run to run. */
export interface StoredTiming extends AnswerKey, AskedCost {
  /**
   * From asking to answer, in milliseconds. Image features and prompts that an earlier answer left in a
   * cache cost nothing here, so it says more about the order of the methods than about them.
   */
  readonly ms: number;
  /** Decoding alone, from the first token's logits to the end. Runs made before it was kept have none. */
  readonly decodeMs?: number;
  readonly tokens: number;
  /** Number of answers decoded together with it, itself included. */
  readonly batch?: number;
}

/** What an answer of a server took; `tokens` beside it are those of all its requests, 0 where they are not told. */
export interface AskedCost {
  /** Requests that were answered: one, and one for each object that was asked about. */
  readonly requests?: number;
  /** Tokens of all prompts, by the server's count; absent where it tells none. */
  readonly promptTokens?: number;
  /** `system_fingerprint` of the server; several separated by commas. */
  readonly fingerprint?: string;
  /** There where the server refused the seed. */
  readonly unseeded?: true;
  /** Questions about objects of the answer that had neither yes nor no for an answer; absent for none. */
  readonly unclear?: number;
}

/** A key as text, for maps. */
export function answerKey({ set, id, method, seed, draw }: AnswerKey): string {
  return JSON.stringify([set, id, method, seed, ...(draw === undefined ? [] : [draw])]);
}

const key = {
  set: z.string(),
  id: z.string(),
  method: z.string(),
  seed: z.number().int().nullable(),
  draw: z.number().int().min(1).exactOptional(),
};
const ROWS: Readonly<Record<"text" | "error", z.ZodType<AnswerKey>>> = {
  text: z.object({
    ...key,
    text: z.string(),
    finish: z.literal("length").exactOptional(),
    margin: z.number().exactOptional(),
    mass: z.number().min(0).exactOptional(),
    changed: z.number().int().min(0).exactOptional(),
  }),
  error: z.object({ ...key, error: z.string() }),
};

/**
 * The rows of a store's file by their key. Answers are unique; of failures, which may be tried again, the
 * last counts.
 *
 * @param has what its rows have: the text of an answer, or the error of a failure
 * @throws DatasetError naming file and line of every row that is none, that is there twice, or that is
 *   about a set, question, method, seed or draw that this run does not have
 */
export function parseStored<T extends AnswerKey>(
  lines: readonly string[],
  path: string,
  has: keyof typeof ROWS,
  expects: (key: AnswerKey) => boolean,
): Map<string, T> {
  const rows = new Map<string, T>();
  if (lines.length === 0) return rows;
  const problems: string[] = [];
  for (const { value, where } of parseRows(lines.join("\n"), path)) {
    const { data } = ROWS[has].safeParse(value);
    if (data === undefined) {
      problems.push(`${where}: no stored answer; restore the file or use another --out`);
      continue;
    }
    const name = answerKey(data);
    if (!expects(data)) {
      problems.push(
        `${where}: this run does not ask for ${name} (set, question, method, seed, draw); ` +
          "restore the file or use another --out",
      );
    } else if (has === "text" && rows.has(name)) {
      problems.push(`${where}: duplicate answer ${name}`);
    } else rows.set(name, value as T);
  }
  if (problems.length > 0) throw new DatasetError(listed(problems));
  return rows;
}
