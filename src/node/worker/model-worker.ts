/** The worker's side of a {@link WorkerModel}: loads the model it is told to and answers calls until disposed of. */
import { parentPort, workerData } from "node:worker_threads";
import type { BatchOptions, Model } from "../../engine/model.js";
import { sentError } from "../../errors.js";
import { methodNamed } from "../../methods/registry.js";
import { load } from "../load.js";
import type { LoadOptions } from "../load-options.js";
import { tellRuns } from "./exit-guard.js";
import { receivedRequest, type WorkerCall, type WorkerReply } from "./worker-messages.js";

const port = parentPort!;
const reply = (message: WorkerReply) => port.postMessage(message);
const running = new Map<number, AbortController[]>();
const assets: Record<string, unknown> = {};
/** Calls whose answers are not all told yet. */
const generating = new Set<Promise<unknown>>();

async function serve(model: Model, call: WorkerCall): Promise<unknown> {
  switch (call.kind) {
    case "abort":
      running.get(call.id)?.[call.index]?.abort();
      return undefined;
    case "asset":
      assets[call.key] = call.value;
      return undefined;
    case "forget":
      delete assets[call.key];
      return undefined;
    case "hash":
      return model.hash();
    case "dispose":
      await model.dispose();
      await Promise.allSettled(generating);
      return undefined;
    case "prepare":
      await model.prepare(methodNamed(call.method.name, call.method.settings, assets));
      return undefined;
    case "encode":
      return model.encode(call.text);
    case "decode":
      return model.decode(call.tokens);
    case "generate":
      return generate(model, call);
  }
}

async function generate(
  model: Model,
  { id, requests, maxStreams, isSettled }: Extract<WorkerCall, { kind: "generate" }>,
): Promise<void> {
  const aborts = requests.map(() => new AbortController());
  running.set(id, aborts);
  const options: BatchOptions = {
    ...(maxStreams === undefined ? {} : { maxStreams }),
    onPiece: (piece, index) => reply({ id, kind: "piece", piece, index }),
    onAnswer: (answer, index) => reply({ id, kind: "answer", answer, index }),
  };
  try {
    const received = requests.map((request, i) =>
      receivedRequest(request, assets, aborts[i]!.signal),
    );
    if (!isSettled) {
      await model.generateBatch(received, options);
      return;
    }
    const results = await model.generateSettled(received, options);
    results.forEach((result, index) => {
      if (result.status === "fulfilled") return;
      reply({ id, kind: "failure", error: sentError(result.reason), index });
    });
  } finally {
    running.delete(id);
  }
}

try {
  const { name, options, memory } = workerData as {
    name: string;
    options: LoadOptions;
    memory: SharedArrayBuffer;
  };
  tellRuns(memory);
  const model = await load(name, options);
  port.on("message", (call: WorkerCall) => {
    const told = serve(model, call).then(
      (value) => {
        // What was only told has no id and gets no reply.
        if (call.id !== 0 && call.kind !== "abort") reply({ id: call.id, kind: "done", value });
      },
      (error) => reply({ id: call.id, kind: "failed", error: sentError(error) }),
    );
    if (call.kind === "generate") {
      generating.add(told);
      told.finally(() => generating.delete(told));
    }
  });
  reply({ id: 0, kind: "loaded", info: model.info });
} catch (error) {
  reply({ id: 0, kind: "failed", error: sentError(error) });
}
