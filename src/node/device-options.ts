import type { InferenceSession } from "onnxruntime-node";
import { UnsupportedCapabilityError } from "../errors.js";
import { givesFusedWeights } from "../onnx/attention-weights.js";
import type { OnnxModel } from "../onnx/graph-model.js";
import type { Device } from "./devices.js";

/** Session options that run a graph on a device; what its kernels lack runs on the CPU. */
export function deviceOptions(device: Device): InferenceSession.SessionOptions {
  // The runtime warns of every graph whose shapes it computes on the CPU, as it should.
  return device === "cpu" ? {} : { executionProviders: [device], logSeverityLevel: 3 };
}

/** Session options that keep the cache which a decoder returns where it is: on WebGPU, on the device. */
export function cacheOptions(
  device: Device,
  { graph }: OnnxModel,
): Pick<InferenceSession.SessionOptions, "preferredOutputLocation"> {
  if (device !== "webgpu") return {};
  const cache = graph.outputs.filter(({ name }) => /^present[._]/.test(name));
  const places = cache.map(({ name }) => [name, "gpu-buffer"] as const);
  return { preferredOutputLocation: Object.fromEntries(places) };
}

/**
 * Refuses a graph that reads the attention of fused operators on a device: ONNX Runtime gives it on the CPU alone.
 *
 * @throws UnsupportedCapabilityError naming the graph, the operator and the device
 */
export function refuseFusedWeights(path: string, { graph }: OnnxModel, device: Device): void {
  if (device === "cpu") return;
  const node = givesFusedWeights(graph.nodes);
  if (node === undefined) return;
  throw new UnsupportedCapabilityError(
    `${path}: attention cannot be read on ${device}: ${node.opType} "${node.name}" gives its weights on the CPU only; load the model on the CPU (device "cpu", --device cpu), or one whose attention is written in single operators`,
  );
}
