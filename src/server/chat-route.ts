import type { ChatJob, ChatResult } from "../chat/chat-job.js";
import { drawSeed } from "../chat/draw-seed.js";
import type { StreamPiece } from "../core.js";
import type { Admission } from "./admission.js";
import { apiErrorOf, badRequest } from "./api-error.js";
import { ChatChunks } from "./chat-chunks.js";
import { type AskedChat, chatRequest } from "./chat-request.js";
import { chatCompletion, type ResponseHead } from "./chat-response.js";
import { EventStream } from "./event-stream.js";
import type { HeldBodies, HeldBody } from "./held-bodies.js";
import { type RemoteImages, withImages, withRemoteImages } from "./image-urls.js";
import type { Inference } from "./inference.js";
import { askedModel, checkedMethod } from "./model-name.js";
import { readBody } from "./read-body.js";
import { refuseLong } from "./refuse-long.js";
import type { RequestRecord } from "./request-record.js";
import type { ServerLimits } from "./server-limits.js";
import { type Stop, stopOf } from "./stop-of.js";

/** What chats are answered with. */
export interface ChatServing {
  readonly inference: Inference;
  readonly admission: Admission;
  readonly bodies: HeldBodies;
  readonly limits: ServerLimits;
  /** Of requests that name none. */
  readonly temperature: number;
  readonly images: RemoteImages;
}

/** A chat whose request was read and found right. */
interface Chat {
  readonly asked: AskedChat;
  /** Name of the model that answers. */
  readonly model: string;
  readonly job: ChatJob;
  readonly head: ResponseHead;
}

/** Answers a chat that was read. */
type Run = (onPiece?: (piece: StreamPiece, choice: number) => void) => Promise<ChatResult>;

/**
 * Answers `POST /v1/chat/completions`.
 *
 * @param record told how it goes, also while the response is read
 * @throws ApiError, and what the model throws, as long as nothing of the answer was sent
 */
export async function chatRoute(
  request: Request,
  serving: ChatServing,
  record: RequestRecord,
): Promise<Response> {
  const { admission, bodies, limits } = serving;
  const body = bodies.open();
  const ending = stopOf(request.signal, limits.timeoutMs);
  const stop: Stop = {
    ...ending,
    forget() {
      ending.forget();
      body.release();
    },
  };
  let isStreaming = false;
  try {
    // Before a large body is read for nothing.
    admission.requireRoom();
    const chat = await readChat(request, serving, body, stop.signal);
    record.asked(chat.asked);
    const run: Run = (onPiece) => answered(chat, serving, record, stop, onPiece);
    if (chat.asked.stream) {
      const response = await streamed(chat, run, serving, record, stop);
      isStreaming = true;
      return response;
    }
    const result = await run();
    return Response.json(chatCompletion(chat.head, result, record.times, chat.asked.logprobs));
  } finally {
    if (!isStreaming) stop.forget();
  }
}

async function readChat(
  request: Request,
  { inference: { models }, limits, temperature: usual, images }: ChatServing,
  body: HeldBody,
  signal: AbortSignal,
): Promise<Chat> {
  const read = await readBody(request, limits.maxBodyMiB, signal, body.add);
  const asked = chatRequest(read, limits);
  const { model: served, method: named } = askedModel(asked.model, models);
  refuseLong(asked, served, limits);
  const { method = named } = asked.options;
  if (method !== undefined) checkedMethod("groundsight.method", method);
  if (named !== undefined && method !== named) {
    throw badRequest(
      "groundsight.method",
      `received '${method}', and '${named}' behind the model's name; name one of them`,
    );
  }
  const temperature = asked.decoding.temperature ?? usual;
  const seed = asked.seed ?? drawSeed(temperature);
  return {
    asked,
    model: served.id,
    job: {
      turns: withImages(asked.turns, limits, images),
      options: method === undefined ? asked.options : { ...asked.options, method },
      count: asked.count,
      decoding: { ...asked.decoding, temperature, seed },
    },
    head: {
      id: `chatcmpl-${crypto.randomUUID().replaceAll("-", "")}`,
      created: Math.floor(Date.now() / 1000),
      model: asked.model,
      system_fingerprint: `fp_${served.hash.slice(0, 16)}_${served.dtype}`,
    },
  };
}

/** Has a chat answered when its turn has come, and gives its room back however that ends. */
async function answered(
  { model, job }: Chat,
  { admission, inference, limits, images }: ChatServing,
  record: RequestRecord,
  { signal, fired }: Stop,
  onPiece?: (piece: StreamPiece, choice: number) => void,
): Promise<ChatResult> {
  const leave = await admission.enter(job.count, signal);
  record.begins();
  const heard = (piece: StreamPiece, choice: number) => {
    record.piece();
    if (!signal.aborted) onPiece?.(piece, choice);
  };
  const answering = withRemoteImages(job.turns, limits, images, signal)
    .then((turns) => inference.chat(model, { ...job, turns }, { signal, onPiece: heard }))
    .catch((failure: unknown) => {
      throw signal.aborted ? signal.reason : apiErrorOf(failure, inference.isReady);
    })
    .finally(leave);
  // A client is told at once that its time is over; the room is given back when the model has stopped.
  const result = await Promise.race([answering, fired]);
  record.answered(model, result);
  return result;
}

/** Begins to stream with the first token, or where that is long in coming; what fails before is told by its status. */
async function streamed(
  { asked, job, head }: Chat,
  run: Run,
  { limits, inference }: ChatServing,
  record: RequestRecord,
  stop: Stop,
): Promise<Response> {
  const events = new EventStream(limits.keepAliveMs, limits.timeoutMs, stop.gone);
  const chunks = new ChatChunks(head, job.count, asked);
  for (const chunk of chunks.begin()) events.send(chunk);
  let begin: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const ended = run((piece, choice) => {
    const chunk = chunks.piece(piece, choice);
    if (chunk !== undefined) events.send(chunk);
    begin?.();
  }).then((result) => {
    for (const chunk of chunks.end(result, record.times)) events.send(chunk);
    events.end("[DONE]");
  });
  const timer = setTimeout(() => begin?.(), limits.keepAliveMs);
  try {
    await Promise.race([ended, begun]);
  } catch (failure) {
    events.end();
    throw failure;
  } finally {
    clearTimeout(timer);
  }
  const closed = ended
    .catch((failure: unknown) => {
      const error = apiErrorOf(failure, inference.isReady);
      record.failed(failure, error);
      events.end(JSON.stringify(error.body));
    })
    .finally(stop.forget);
  record.streams(closed);
  return new Response(events.body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    },
  });
}
