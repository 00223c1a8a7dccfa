import type { InferenceSession } from "onnxruntime-node";
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
  const cache = graph.outputs.filter(({ name }) => name.startsWith("present."));
  const places = cache.map(({ name }) => [name, "gpu-buffer"] as const);
  return { preferredOutputLocation: Object.fromEntries(places) };
}
