/** The program of an {@link InferenceProcess}: loads what it is told to and answers chats until it is closed. */
import { sentError } from "../errors.js";
import type { Inference } from "./inference.js";
import { loadInference } from "./load-inference.js";
import type { ProcessCall, ProcessReply, ServingPlan } from "./process-messages.js";

let inference: Inference | undefined;
const running = new Map<number, AbortController>();
let outbox: ProcessReply[] = [];

/** Sends replies in their order; those of one step of decoding in one message. */
function reply(message: ProcessReply): void {
  if (outbox.push(message) === 1) queueMicrotask(send);
}

function send(): void {
  const messages = outbox;
  outbox = [];
  // Nobody is told of a failure: it means that the other side has ended, and so does this one.
  if (process.connected) process.send?.(messages, undefined, {}, () => {});
}

async function loadModels(plan: ServingPlan): Promise<void> {
  try {
    inference = await loadInference(plan, (progress) => reply({ kind: "progress", progress }));
    reply({ kind: "loaded", models: inference.models });
  } catch (error) {
    reply({ kind: "failed", error: sentError(error) });
  }
}

async function chat({
  id,
  model,
  job,
  hasPieces,
}: Extract<ProcessCall, { kind: "chat" }>): Promise<void> {
  const abort = new AbortController();
  running.set(id, abort);
  try {
    const result = await inference!.chat(model, job, {
      signal: abort.signal,
      onPiece: hasPieces
        ? (piece, choice) => reply({ kind: "piece", id, piece, choice })
        : undefined,
    });
    reply({ kind: "result", id, result });
  } catch (error) {
    reply({ kind: "failure", id, error: sentError(error) });
  } finally {
    running.delete(id);
  }
}

async function close(): Promise<void> {
  await inference?.close();
  reply({ kind: "closed" });
}

process.on("message", (call: ProcessCall) => {
  if (call.kind === "load") void loadModels(call.plan);
  else if (call.kind === "chat") void chat(call);
  else if (call.kind === "abort") running.get(call.id)?.abort();
  else void close();
});

// Without its parent it is of no use. An ordinary exit would end runs of graphs in their midst, which aborts with a core.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

// A terminal sends them to every process of the program; the parent, which gets them too, decides when this one ends.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
