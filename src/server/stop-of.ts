import { ApiError } from "./api-error.js";

/** What ends the work on a request early: its client, or the time it may take. */
export interface Stop {
  readonly signal: AbortSignal;
  /** Rejects when the signal fires. */
  readonly fired: Promise<never>;
  /** To be called where the client goes away without the request's signal. */
  gone(): void;
  /** To be called when the work is done. */
  forget(): void;
}

/** The status of a request whose client has gone, as nginx logs it; nobody receives it. */
export const CLIENT_GONE = 499;

/** @param timeoutMs how long the request may take from now on */
export function stopOf(client: AbortSignal, timeoutMs: number): Stop {
  const controller = new AbortController();
  const { signal } = controller;
  const gone = () =>
    controller.abort(new ApiError("the client went away", { status: CLIENT_GONE }));
  const late = () =>
    controller.abort(
      new ApiError(
        `the answer took more than ${timeoutMs / 1000} s; ask for fewer tokens, or again when the server is less busy`,
        // Clients of OpenAI would send it again at once.
        { status: 408, code: "timeout", headers: { "x-should-retry": "false" } },
      ),
    );
  const timer = setTimeout(late, timeoutMs);
  client.addEventListener("abort", gone, { once: true });
  if (client.aborted) gone();
  const fired = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  fired.catch(() => {});
  return {
    signal,
    fired,
    gone,
    forget() {
      clearTimeout(timer);
      client.removeEventListener("abort", gone);
    },
  };
}
