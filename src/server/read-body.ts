import { ApiError, badRequest } from "./api-error.js";
import { JsonGuard } from "./json-guard.js";

/**
 * Reads a request's JSON, within bounds that are held while it arrives.
 *
 * @param onBytes called with the length of each piece; what it throws ends the reading
 * @throws ApiError for what is no JSON, larger or deeper than it may be; the signal's reason where it fires
 */
export async function readBody(
  request: Request,
  maxMiB: number,
  signal: AbortSignal,
  onBytes: (bytes: number) => void = () => {},
): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  // A page of another site can send other types without asking.
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError("content-type: expected application/json", {
      status: 415,
      param: "content-type",
    });
  }
  if ((request.headers.get("content-encoding") ?? "identity") !== "identity") {
    throw new ApiError("content-encoding: expected a body that is not compressed", {
      status: 415,
      param: "content-encoding",
    });
  }
  const maxBytes = maxMiB * 2 ** 20;
  const tooLarge = () =>
    new ApiError(`the body is larger than ${maxMiB} MiB; send smaller images`, {
      status: 413,
      code: "request_too_large",
    });
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  const guard = new JsonGuard();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const pieces: string[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(request, signal)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    onBytes(chunk.length);
    guard.push(chunk);
    pieces.push(text(() => decoder.decode(chunk, { stream: true })));
  }
  pieces.push(text(() => decoder.decode()));
  try {
    return JSON.parse(pieces.join(""));
  } catch (cause) {
    throw badRequest(undefined, `the body is no JSON: ${placeOf(cause as Error)}`);
  }
}

function text(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw badRequest(undefined, "the body is no UTF-8");
  }
}

/** Where JSON is broken, without the text around it. */
function placeOf({ message }: Error): string {
  const place = /at position \d+( \(line \d+ column \d+\))?/.exec(message)?.[0];
  return place ?? (/end of/.test(message) ? "it ends too early" : "it has an unexpected character");
}

async function* chunksOf(request: Request, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  const stop = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read().catch((cause: unknown) => {
        signal.throwIfAborted();
        throw new ApiError("the body ended before it was whole", { status: 400, cause });
      });
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    reader.cancel().catch(() => {});
  }
}
