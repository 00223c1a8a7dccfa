import { makeModel, makeNode, makeValueInfo } from "../onnx/build.js";
import { DataType } from "../onnx/graph-model.js";
import { writeModel } from "../onnx/write-model.js";
import type { Device } from "./devices.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { nativeRun } from "./worker/exit-guard.js";

/** Most tokens that are computed rightly in one run where more are not: kernels change at 32. */
const RIGHT_TOKENS = 31;
const TRIED_TOKENS = 40;
const HEAD_SIZE = 16;
/** Far above what rounding does to means of numbers below 1, far below what the fault does. */
const TOLERANCE = 1e-2;

/**
 * How many tokens a run of GroupQueryAttention may append on a device, tried with a graph of that node and compared with the
 * CPU: undefined where any number may. SwiftShader's WebGPU is wrong from 32 on.
 */
export async function attentionLimit(device: Device): Promise<number | undefined> {
  const [found, expected] = [await attended(device), await attended("cpu")];
  const isRight = found.every((value, i) => Math.abs(value - expected[i]!) < TOLERANCE);
  return isRight ? undefined : RIGHT_TOKENS;
}

/** What the node makes of tokens whose numbers differ. */
async function attended(device: Device): Promise<Float32Array> {
  const { InferenceSession, Tensor } = await onnxRuntime();
  const options = { executionProviders: [device], logSeverityLevel: 4 } as const;
  const session = await nativeRun(() => InferenceSession.create(attention(), options));
  try {
    const values = (stride: number) =>
      Float32Array.from({ length: TRIED_TOKENS * HEAD_SIZE }, (_, i) => Math.sin(stride * i));
    const tensor = (data: Float32Array, dims: readonly number[]) =>
      new Tensor("float32", data, dims);
    const shape = [1, TRIED_TOKENS, HEAD_SIZE];
    const none = () => tensor(new Float32Array(0), [1, 1, 0, HEAD_SIZE]);
    const { mixed } = await nativeRun(() =>
      session.run({
        query: tensor(values(0.7), shape),
        key: tensor(values(1.3), shape),
        value: tensor(values(2.1), shape),
        past_key: none(),
        past_value: none(),
        last: new Tensor("int32", Int32Array.of(TRIED_TOKENS - 1), [1, 1]),
        total: new Tensor("int32", Int32Array.of(TRIED_TOKENS), [1]),
      }),
    );
    return mixed!.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** One head of attention without rotation. */
function attention(): Uint8Array {
  const tokens = (name: string) =>
    makeValueInfo(name, DataType.float32, [1, TRIED_TOKENS, HEAD_SIZE]);
  const cache = (name: string, rows: string) =>
    makeValueInfo(name, DataType.float32, [1, 1, rows, HEAD_SIZE]);
  const count = (name: string, dims: number[]) => makeValueInfo(name, DataType.int32, dims);
  const inputs = [
    ...["query", "key", "value"].map(tokens),
    ...["past_key", "past_value"].map((name) => cache(name, "past")),
    count("last", [1, 1]),
    count("total", [1]),
  ];
  const outputs = [
    tokens("mixed"),
    ...["present_key", "present_value"].map((name) => cache(name, "all")),
  ];
  const names = (values: readonly { readonly name: string }[]) => values.map(({ name }) => name);
  const node = makeNode("GroupQueryAttention", names(inputs), names(outputs), {
    domain: "com.microsoft",
    attributes: { num_heads: 1, kv_num_heads: 1 },
  });
  return writeModel(makeModel({ nodes: [node], inputs, outputs }));
}
