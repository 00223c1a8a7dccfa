import { AbortedError, InferenceError, InvalidArgumentError } from "../../errors.js";
import type { BenchmarkKind, Question } from "../contract/benchmark.js";
import type { AnswerStore } from "../store/answer-store.js";
import { type Series, seriesOf } from "../store/series.js";
import type {
  AnswerKey,
  AskedCost,
  StoredAnswer,
  StoredFailure,
  StoredTiming,
} from "../store/stored-rows.js";

/** A question put to a model. */
export interface AnswerRequest {
  readonly question: Question;
  readonly series: Series;
  readonly maxTokens: number;
}

/** A model's answer with what it cost. */
export interface GivenAnswer {
  readonly text: string;
  /** From asking to answer. */
  readonly ms: number;
  /** Decoding alone, from the first token's logits to the end; absent where nobody could see it. */
  readonly decodeMs?: number;
  readonly tokens: number;
  /** What it took, where a server answered. */
  readonly asked?: AskedCost;
  /** What else is stored of it. */
  readonly seen?: Omit<StoredAnswer, keyof AnswerKey | "text">;
}

/** Why a question has no answer. */
export interface FailedAnswer {
  readonly error: string;
}

/**
 * What an evaluation needs from a model: answers to a few independent questions. Tells each as soon as
 * it is there or has failed, in any order, and resolves when all were told. Rejects when it is no use to go on.
 */
export type Answerer = (
  requests: readonly AnswerRequest[],
  onAnswer: (answer: GivenAnswer | FailedAnswer, index: number) => void,
  signal: AbortSignal,
) => Promise<void>;

/** Questions of one set with the series that answer them. */
export interface PlannedSet {
  readonly name: string;
  /** What its answers are like; `open` by default. Some series answer one kind alone. */
  readonly kind?: BenchmarkKind | undefined;
  readonly questions: readonly Question[];
  readonly maxTokens: number;
}

/** How far a run is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Answers given by this process, those that failed included. */
  readonly answered: number;
  readonly set: string;
  /** Share of right answers by method, of those given by this process that are right or wrong. */
  readonly right?: Readonly<Record<string, number>>;
}

/** Settings of {@link runEvaluation}. */
export interface RunOptions {
  /** Questions answered together, at least 1; 8 by default. */
  readonly batchSize?: number | undefined;
  /** Answer one question at a time, in the order of the batches: for models whose answers depend on their batch. */
  readonly alone?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** So many images in a row without an answer: it is not the images. */
const HOPELESS_IMAGES = 5;

/**
 * Has every question of every set answered in every series, except what the store has already. Blocks of
 * neighbouring questions go through all series before the next block, so that an image is encoded once
 * for all of them. Answers are stored in one fixed order, each as soon as those before it are there. What
 * fails is stored as failed, and the run goes on.
 *
 * @throws InferenceError when all answers about five images in a row failed
 * @throws AbortedError when the signal fires; what was stored stays
 */
export async function runEvaluation(
  sets: readonly PlannedSet[],
  series: readonly Series[],
  answerer: Answerer,
  store: AnswerStore,
  {
    batchSize = 8,
    alone = false,
    signal = new AbortController().signal,
    onProgress,
  }: RunOptions = {},
): Promise<void> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new InvalidArgumentError(`batch size: received ${batchSize}; expected at least 1`);
  }
  const total = answersOf(sets, series);
  let answered = 0;
  const failing = new Set<string>();
  for (const { set, requests } of batches(sets, series, batchSize)) {
    const missing = requests.filter((request) => !store.has(keyOf(set, request)));
    if (missing.length === 0) continue;
    try {
      if (signal.aborted) throw new AbortedError("between two batches");
      const onStored = ({ question }: AnswerRequest, error: string | null) => {
        answered++;
        if (error === null) failing.clear();
        else failing.add(`${set} ${question.image ?? question.id}`);
        onProgress?.({ done: store.size, total, answered, set });
        if (failing.size >= HOPELESS_IMAGES) throw hopeless(String(error));
      };
      for (const together of alone ? missing.map((one) => [one]) : [missing]) {
        await answerInOrder(set, together, answerer, store, signal, onStored);
      }
    } catch (cause) {
      if (!signal.aborted) throw cause;
      const message = `stopped: ${store.size} answers are stored; the same command goes on from there`;
      throw new AbortedError(message, { cause });
    }
  }
}

/** How many answers a run has when it is done. */
export function answersOf(sets: readonly PlannedSet[], series: readonly Series[]): number {
  return sets.reduce((sum, set) => sum + set.questions.length * seriesOf(set, series).length, 0);
}

function hopeless(error: string): InferenceError {
  return new InferenceError(
    `every answer about ${HOPELESS_IMAGES} images in a row failed, the last with: ${error}. When this is ` +
      "mended, the same command with --retry-failed asks for them again",
  );
}

function* batches(
  sets: readonly PlannedSet[],
  series: readonly Series[],
  batchSize: number,
): Generator<{ set: string; requests: AnswerRequest[] }> {
  for (const set of sets) {
    const { name, questions, maxTokens } = set;
    const own = seriesOf(set, series);
    for (let start = 0; start < questions.length; start += batchSize) {
      const block = questions.slice(start, start + batchSize);
      for (const one of own) {
        const requests = block.map((question) => ({ question, series: one, maxTokens }));
        yield { set: name, requests };
      }
    }
  }
}

async function answerInOrder(
  set: string,
  requests: readonly AnswerRequest[],
  answerer: Answerer,
  store: AnswerStore,
  signal: AbortSignal,
  onStored: (request: AnswerRequest, error: string | null) => void,
): Promise<void> {
  const given: (GivenAnswer | FailedAnswer | undefined)[] = requests.map(() => undefined);
  let next = 0;
  let storing = Promise.resolve();
  let failure: unknown;
  const storeReady = async () => {
    const answers: StoredAnswer[] = [];
    const timings: StoredTiming[] = [];
    const failures: StoredFailure[] = [];
    const first = next;
    for (; next < requests.length; next++) {
      const [answer, request] = [given[next], requests[next]];
      if (answer === undefined || request === undefined) break;
      const key = keyOf(set, request);
      if ("error" in answer) failures.push({ ...key, error: answer.error });
      else {
        answers.push({ ...key, text: answer.text, ...answer.seen });
        timings.push({ ...key, ...timingOf(answer, requests.length) });
      }
    }
    if (next === first) return;
    try {
      await store.append(answers, timings, failures);
      for (let i = first; i < next; i++) {
        const [answer, request] = [given[i], requests[i]];
        if (answer === undefined || request === undefined) continue;
        onStored(request, "error" in answer ? answer.error : null);
      }
    } catch (error) {
      failure ??= error;
    }
  };
  const onAnswer = (answer: GivenAnswer | FailedAnswer, index: number) => {
    given[index] = answer;
    storing = storing.then(() => (failure === undefined ? storeReady() : undefined));
  };
  try {
    await answerer(requests, onAnswer, signal);
  } finally {
    await storing;
  }
  if (failure !== undefined) throw failure;
}

function keyOf(set: string, { question, series }: AnswerRequest): AnswerKey {
  const { method, seed, draw } = series;
  return { set, id: question.id, method, seed, ...(draw === undefined ? {} : { draw }) };
}

function timingOf(
  { ms, decodeMs, tokens, asked }: GivenAnswer,
  batch: number,
): Omit<StoredTiming, keyof AnswerKey> {
  const whole = Math.round(ms);
  if (decodeMs === undefined) return { ms: whole, tokens, ...asked };
  return { ms: whole, decodeMs: Math.round(1000 * decodeMs) / 1000, tokens, batch };
}
