import { AbortedError, GroundsightError } from "../../errors.js";
import type { Method } from "../../index.js";
import { dropDoubtful, isUnclear, verifyText } from "../../objects/verify-text.js";
import { type LikelyFirst, noAhead, yesOrNoMass } from "../../objects/yes-no-answer.js";
import type { Asking } from "../run/asking.js";
import { requestSeed } from "../run/model-answerer.js";
import { methodOf } from "../run/plan-series.js";
import type { Answerer, AnswerRequest, GivenAnswer } from "../run/run-evaluation.js";
import type { Observations } from "../store/stored-rows.js";
import type { ChatQuestion } from "./chat-dialect.js";
import { imageUrl } from "./image-url.js";
import type { ChatEndpoint, EndpointAnswer } from "./openai-endpoint.js";

/** Answers about objects are a word; some models begin with a blank or a line end. */
const OBJECT_TOKENS = 8;

/** An answer may name so many objects, each of which is asked about. */
const MOST_OBJECTS = 1000;

/**
 * Lets an endpoint answer the questions of an evaluation, as many at once as it allows. An image that cannot be read, or
 * an answer that fails, is told and harms no other; what will fail for all questions ends the others.
 *
 * @param options methods as `requireAskable` lets them pass
 */
export function endpointAnswerer(endpoint: ChatEndpoint, options: Asking): Answerer {
  return async (requests, onAnswer, signal) => {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const answered = requests.map(async (request, index) => {
      try {
        onAnswer(await answerOf(endpoint, request, options, either), index);
      } catch (error) {
        if (isOfOneQuestion(error)) onAnswer({ error: (error as Error).message }, index);
        else stop.abort(error);
      }
    });
    await Promise.all(answered);
    if (signal.aborted) throw new AbortedError("the run was stopped");
    if (stop.signal.aborted) throw stop.signal.reason;
  };
}

function isOfOneQuestion(error: unknown): boolean {
  return GroundsightError.isInstance(error) && ["DATASET", "INFERENCE"].includes(error.code);
}

async function answerOf(
  endpoint: ChatEndpoint,
  request: AnswerRequest,
  options: Asking,
  signal: AbortSignal,
): Promise<GivenAnswer> {
  const { question, series, maxTokens } = request;
  const path = options.imagePath(request);
  const method = methodOf(options.methods, series.method);
  const sampled = series.seed !== null;
  const isVerified = method.name === "verify";
  const asked: ChatQuestion = {
    prompt: question.prompt + options.promptSuffix,
    image: path === null ? null : await imageUrl(path),
    maxTokens,
    temperature: sampled ? options.temperature : 0,
    topP: sampled ? options.topP : 1,
    seed: requestSeed(series.seed ?? series.draw ?? 0, question.image ?? question.id),
    likeliest: !isVerified && options.isYesNo(question),
  };
  const first = await endpoint.ask(asked, signal);
  if (!isVerified || asked.image === null)
    return given(first.text, [first], observed(first.likeliest));
  const replies = [first];
  const verified = await verifyText(
    first.text,
    async (prompt) => {
      const about = { ...asked, prompt, maxTokens: OBJECT_TOKENS, temperature: 0, topP: 1 };
      const reply = await endpoint.ask({ ...about, likeliest: true }, signal);
      replies.push(reply);
      return reply;
    },
    verifyOptions(method, endpoint.concurrency),
  );
  const isDoubtful = verified.verdicts.some(({ doubtful }) => doubtful);
  const text = isDoubtful ? dropDoubtful(verified, { cut: false }).text : first.text;
  const answer = given(text, replies, {});
  const unclear = verified.verdicts.filter(isUnclear).length;
  return unclear === 0 ? answer : { ...answer, asked: { ...answer.asked, unclear } };
}

/** The settings of a method `verify` for {@link verifyText}. */
function verifyOptions({ settings }: Method, concurrency: number) {
  const { wording, threshold, objects } = settings as {
    readonly wording: string;
    readonly threshold: number;
    readonly objects: string | null;
  };
  const names = objects === null ? [] : objects.split(",");
  return { wording, threshold, objects: names, maxObjects: MOST_OBJECTS, concurrency };
}

function given(text: string, replies: readonly EndpointAnswer[], seen: Observations): GivenAnswer {
  const [first] = replies;
  const sum = (of: (reply: EndpointAnswer) => number) =>
    replies.reduce((total, reply) => total + of(reply), 0);
  const isCounted = replies.every(({ usage }) => usage !== undefined);
  const fingerprints = [...new Set(replies.flatMap(({ fingerprint }) => fingerprint ?? []))];
  return {
    text,
    ms: sum(({ ms }) => ms),
    tokens: sum(({ usage }) => usage?.answerTokens ?? 0),
    asked: {
      requests: replies.length,
      ...(isCounted ? { promptTokens: sum(({ usage }) => usage!.promptTokens) } : {}),
      ...(fingerprints.length === 0 ? {} : { fingerprint: fingerprints.join(", ") }),
      ...(replies.every(({ seeded }) => seeded) ? {} : { unseeded: true }),
    },
    seen: { ...(first?.finish === undefined ? {} : { finish: first.finish }), ...seen },
  };
}

/** How far yes is ahead of no at the first token, as far as its likeliest tokens tell. */
function observed(likeliest: readonly LikelyFirst[]): Observations {
  const ahead = noAhead(likeliest);
  if (ahead === undefined) return {};
  return { margin: rounded(-ahead), mass: rounded(yesOrNoMass(likeliest)) };
}

function rounded(value: number): number {
  return Math.round(1e4 * value) / 1e4 + 0;
}
