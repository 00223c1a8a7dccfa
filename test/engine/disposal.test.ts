import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Session } from "../../src/backends/onnx/runtime.js";
import { AbortedError } from "../../src/errors.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { fakeOnnxParts } from "../backends/fake-onnx.js";
import { watched } from "../backends/watched.js";
import { dark, image } from "./asked.js";

const DISPOSED = "the model was disposed of before the answer ended";

/** A model that is disposed of at the n-th run of one of its graphs, and whose sessions know when they are released. */
function disposedDuring(graph: "embed" | "vision" | "decoder", run: number) {
  let released = false;
  let runs = 0;
  let late = 0;
  let disposal: Promise<void> | undefined;
  const parts = fakeOnnxParts({ respond: () => "a long answer" });
  const guard = (session: Session, name: string) =>
    watched(session, async () => {
      if (released) late++;
      if (name === graph && ++runs === run) disposal = model.dispose();
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      if (released) late++;
    });
  const { embed, vision, decoder } = parts.graphs;
  const graphs = {
    ...parts.graphs,
    embed: guard(embed, "embed"),
    vision: { ...vision, session: guard(vision.session, "vision") },
    decoder: { ...decoder, session: guard(decoder.session, "decoder") },
  };
  const release = async () => {
    released = true;
  };
  const model: LocalModel = new LocalModel(new OnnxBackend({ ...parts, graphs, release }), {});
  return { model, outcome: () => ({ late, released, disposal }) };
}

const requests = [
  { prompt: "One?" },
  { prompt: "Two?", image },
  { prompt: "Three?", image: dark, method: vdgd({ descriptionTokens: 5 }) },
];

test.each([
  { graph: "vision", run: 1 },
  { graph: "vision", run: 2 },
  { graph: "embed", run: 1 },
  { graph: "embed", run: 4 },
  { graph: "decoder", run: 1 },
  { graph: "decoder", run: 2 },
  { graph: "decoder", run: 9 },
] as const)(
  "disposed of during run $run of its $graph graph: answers under way reject, no graph runs on",
  async ({ graph, run }) => {
    const { model, outcome } = disposedDuring(graph, run);
    const results = await model.generateSettled(requests);
    const { disposal } = outcome();
    await disposal;
    expect(outcome()).toMatchObject({ late: 0, released: true });
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      expect(result.reason).toBeInstanceOf(AbortedError);
      expect(result.reason.message).toBe(DISPOSED);
    }
    expect(results.some(({ status }) => status === "rejected")).toBe(true);
  },
);

test("disposed of at once: what has not begun rejects, and requests in line do", async () => {
  const model = fakeModel({ respond: () => "x".repeat(50) });
  const batch = model.generateSettled(
    Array.from({ length: 5 }, (_, i) => ({ prompt: `${i}` })),
    { maxStreams: 1 },
  );
  await model.dispose();
  for (const result of await batch) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "ABORTED" } });
  }
});

test("a streamed answer's iteration and promise both reject", async () => {
  const model = fakeModel({ respond: () => "x".repeat(50) });
  const stream = model.stream({ prompt: "?" });
  const iterate = async () => {
    for await (const _ of stream) void model.dispose();
  };
  await expect(iterate()).rejects.toThrow(DISPOSED);
  await expect(stream.answer).rejects.toThrow(AbortedError);
  await expect(model.generate({ prompt: "?" })).rejects.toThrow("disposed");
});
