// Time of one decoding step of a decoder by the number of threads, in turns, so that a busy machine slows all alike.
// node benchmarks/threads.mjs [decoder.onnx] [rounds]
import { availableParallelism } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [path = "pocket/llava/onnx/decoder_model_merged.onnx", rounds = "8"] = process.argv.slice(2);
const PAST = 100;
const counts = [1, 2, 4, 8].filter((count) => count <= availableParallelism());
const sessions = new Map([["default", await InferenceSession.create(path)]]);
for (const threads of counts) {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  sessions.set(`${threads}`, await InferenceSession.create(path, options));
}

const feeds = {};
for (const { name, type, shape } of sessions.get("default").inputMetadata) {
  const past = name.startsWith("past") ? PAST : PAST + 1;
  const dims = shape.map((dim) =>
    typeof dim === "number" ? dim : /past|total|attention/.test(dim) ? past : 1,
  );
  const size = dims.reduce((product, dim) => product * dim, 1);
  feeds[name] =
    type === "int64"
      ? new Tensor("int64", new BigInt64Array(size).fill(1n), dims)
      : new Tensor("float32", new Float32Array(size).fill(0.01), dims);
}

const times = new Map([...sessions.keys()].map((name) => [name, []]));
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, session] of sessions) {
    for (let i = 0; i < 24; i++) {
      const start = performance.now();
      await session.run(feeds);
      if (i >= 4) times.get(name).push(performance.now() - start);
    }
  }
}
for (const [name, values] of times) {
  values.sort((a, b) => a - b);
  const [fast, median] = [values[values.length >> 3], values[values.length >> 1]];
  console.log(
    `${name} threads: median ${median.toFixed(2)} ms, fastest eighth below ${fast.toFixed(2)} ms`,
  );
}
