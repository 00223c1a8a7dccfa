import { type Answer, type GenerateRequest, type Model, median, type Timings } from "../index.js";

/** An answer with what it costs, as {@link measureMethods} finds it. */
export interface MeasuredAnswer extends Answer {
  /** Medians over the rounds, with the image and the prompt's beginning in the caches. */
  readonly timings: Timings;
  /** What the first answer of all paid for what the caches did not hold yet; later methods find it there. */
  readonly first: Pick<Timings, "imageMs" | "prefillMs">;
  /** Median over the rounds of the time per token relative to the first request's in the same round. */
  readonly ratio: number | null;
}

/** How long {@link measureMethods} goes on. */
export interface MeasureOptions {
  /** A fixed number of rounds; by default 3 to 31, as many as begin within five seconds. */
  readonly rounds?: number | undefined;
}

const [FEWEST, MOST, ENOUGH_MS] = [3, 31, 5000];
/** Decoding steps that each request makes before anything is measured. */
const WARM_UP_STEPS = 8;

/**
 * Answers requests so that their times can be compared: each is warmed up by 8 tokens or more, then all are answered in
 * rounds, every second one in reverse, and medians are taken. A disturbance of the machine then meets all alike.
 *
 * @returns the answers of the first round with their times, and the number of rounds
 */
export async function measureMethods(
  model: Pick<Model, "generate">,
  requests: readonly GenerateRequest[],
  { rounds }: MeasureOptions = {},
): Promise<{ answers: MeasuredAnswer[]; rounds: number }> {
  const firsts: Answer[] = [];
  for (const request of requests) firsts.push(await warmUp(model, request));
  const measured: Answer[][] = [];
  const start = performance.now();
  while (goesOn(measured.length, performance.now() - start, rounds)) {
    const isReverse = measured.length % 2 === 1;
    const inOrder = isReverse ? requests.toReversed() : requests;
    const answers: Answer[] = [];
    for (const request of inOrder) answers.push(await model.generate(request));
    measured.push(isReverse ? answers.reverse() : answers);
  }
  const answers = requests.map((_, i): MeasuredAnswer => {
    const { imageMs, prefillMs } = firsts[i]!.timings;
    return {
      ...measured[0]![i]!,
      timings: medianTimings(measured.map((round) => round[i]!)),
      first: { imageMs, prefillMs },
      ratio: medianOf(measured.map((round) => relative(round[i]!, round[0]!))),
    };
  });
  return { answers, rounds: measured.length };
}

/** The first answer; short ones are repeated until enough steps are made. */
async function warmUp(model: Pick<Model, "generate">, request: GenerateRequest): Promise<Answer> {
  const short = { ...request, maxTokens: WARM_UP_STEPS + 1 };
  const first = await model.generate(short);
  let steps = stepsOf(first);
  for (let i = 1; i < WARM_UP_STEPS && steps < WARM_UP_STEPS; i++) {
    steps += Math.max(1, stepsOf(await model.generate(short)));
  }
  return first;
}

function goesOn(done: number, elapsedMs: number, rounds: number | undefined): boolean {
  if (rounds !== undefined) return done < rounds;
  return done < FEWEST || (done < MOST && elapsedMs < ENOUGH_MS);
}

/** Decoding steps behind the first token: one for each further token, and one for the end of text. */
function stepsOf({ tokens, finishReason }: Answer): number {
  return Math.max(0, tokens.length - 1 + (finishReason === "eos" ? 1 : 0));
}

function msPerStep(answer: Answer): number | null {
  const steps = stepsOf(answer);
  return steps === 0 ? null : answer.timings.decodeMs / steps;
}

function relative(answer: Answer, reference: Answer): number | null {
  const [own, other] = [msPerStep(answer), msPerStep(reference)];
  return own === null || other === null || other === 0 ? null : own / other;
}

function medianTimings(answers: readonly Answer[]): Timings {
  const of = (key: "imageMs" | "prefillMs" | "decodeMs" | "totalMs"): number =>
    median(answers.map(({ timings }) => timings[key])) ?? 0;
  return {
    imageMs: of("imageMs"),
    prefillMs: of("prefillMs"),
    decodeMs: of("decodeMs"),
    msPerToken: medianOf(answers.map(msPerStep)),
    totalMs: of("totalMs"),
  };
}

/** The median of those that are known. */
function medianOf(values: readonly (number | null)[]): number | null {
  return median(values.filter((value) => value !== null));
}
