import type { CallToolResult } from "@modelcontextprotocol/server";
import { GroundsightError, type Model } from "../index.js";
import type { CallContext, ToolSetup } from "./tool-setup.js";

/** Least time between two notices of what comes often, in one call. */
const PROGRESS_MS = 200;

/** @param isFrequent whether others of its kind come soon: then it may be left out */
type OnProgress = (message: string, isFrequent?: boolean) => void;

/** What a tool's work is given. */
export interface ToolWork {
  readonly model: Model;
  /** Fires when the client cancels the call, or goes away. */
  readonly signal: AbortSignal;
  /** Tells a client that asked for it how far the work is. */
  readonly onProgress: OnProgress;
}

/** What a tool says, as text and as values of its output schema. */
export interface ToolAnswer {
  readonly text: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Does a tool's work; what goes wrong is told as the tool's error, in our own words and without traces. */
export async function callTool(
  { model, inTurn, onFault }: ToolSetup,
  context: CallContext,
  work: (given: ToolWork) => Promise<ToolAnswer>,
): Promise<CallToolResult> {
  const { signal } = context.mcpReq;
  const onProgress = progressOf(context);
  try {
    onProgress("waiting for the model");
    const loaded = await model;
    const { text, content } = await inTurn(async () => {
      signal.throwIfAborted();
      return work({ model: loaded, signal, onProgress });
    });
    return { content: [{ type: "text", text }], structuredContent: { ...content } };
  } catch (error) {
    return { content: [{ type: "text", text: messageOf(error, signal, onFault) }], isError: true };
  }
}

function messageOf(
  error: unknown,
  { aborted }: AbortSignal,
  onFault: (error: unknown) => void,
): string {
  if (GroundsightError.isInstance(error)) return error.message;
  if (aborted) return "the call was cancelled";
  onFault(error);
  return "unforeseen: the tool failed; the server's standard error tells more";
}

/** Notices of progress, counted from 0; none where the client did not ask for them. */
function progressOf({ mcpReq }: CallContext): OnProgress {
  const token = mcpReq._meta?.progressToken;
  if (token === undefined) return () => {};
  let progress = 0;
  let last = Number.NEGATIVE_INFINITY;
  return (message, isFrequent = false) => {
    const now = performance.now();
    if ((isFrequent && now - last < PROGRESS_MS) || mcpReq.signal.aborted) return;
    last = now;
    const params = { progressToken: token, progress: progress++, message };
    // Of a client that went away, the call itself tells.
    mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
  };
}
