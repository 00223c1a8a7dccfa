/** The worker's side of a {@link WorkerModel}: loads the model it is told to and answers calls until disposed of. */
import { parentPort, workerData } from "node:worker_threads";
import type { Model } from "../engine/model.js";
import { load } from "./load.js";
import type { LoadOptions } from "./load-options.js";
import {
  receivedRequest,
  sentError,
  type WorkerCall,
  type WorkerReply,
} from "./worker-messages.js";

const port = parentPort!;
const reply = (message: WorkerReply) => port.postMessage(message);
const running = new Map<number, AbortController[]>();

async function serve(model: Model, call: WorkerCall): Promise<unknown> {
  const { id } = call;
  switch (call.kind) {
    case "abort":
      running.get(id)?.[call.index]?.abort();
      return undefined;
    case "hash":
      return model.hash();
    case "dispose":
      await model.dispose();
      return undefined;
    case "generate":
      return generate(model, call);
  }
}

async function generate(
  model: Model,
  call: Extract<WorkerCall, { kind: "generate" }>,
): Promise<void> {
  const { id, requests, maxStreams } = call;
  const aborts = requests.map(() => new AbortController());
  running.set(id, aborts);
  try {
    const received = requests.map((request, i) => receivedRequest(request, aborts[i]!.signal));
    const [only] = received;
    if (received.length === 1) {
      const stream = model.stream(only!);
      for await (const piece of stream) reply({ id, kind: "piece", piece });
      reply({ id, kind: "answer", answer: await stream.answer, index: 0 });
      return;
    }
    await model.generateBatch(received, {
      ...(maxStreams === undefined ? {} : { maxStreams }),
      onAnswer: (answer, index) => reply({ id, kind: "answer", answer, index }),
    });
  } finally {
    running.delete(id);
  }
}

try {
  const { name, options } = workerData as { name: string; options: LoadOptions };
  const model = await load(name, options);
  port.on("message", (call: WorkerCall) => {
    serve(model, call).then(
      (value) => {
        if (call.kind !== "abort") reply({ id: call.id, kind: "done", value });
      },
      (error) => reply({ id: call.id, kind: "failed", error: sentError(error) }),
    );
  });
  reply({ id: 0, kind: "loaded", info: model.info });
} catch (error) {
  reply({ id: 0, kind: "failed", error: sentError(error) });
}
