import { oneOf } from "../arguments/numbers.js";
import { UnsupportedCapabilityError } from "../errors.js";
import { makeModel, makeNode, makeTensor, makeValueInfo } from "../onnx/build.js";
import { DataType } from "../onnx/graph-model.js";
import { writeModel } from "../onnx/write-model.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { nativeRun } from "./worker/exit-guard.js";

/** What graphs can run on: a processor, or an execution provider of ONNX Runtime for Node. */
export const DEVICES = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;

/** A device by its name in ONNX Runtime. */
export type Device = (typeof DEVICES)[number];

/** A device that the installed ONNX Runtime was built for. */
export interface ListedDevice {
  readonly name: Device;
  /** Whether its libraries are in the runtime's package; else they are installed apart from it. */
  readonly bundled: boolean;
  /** Whether a graph of one node ran on it, here and now. */
  readonly usable: boolean;
  /** Why it cannot be used, with the remedy; null where it can. */
  readonly reason: string | null;
}

const REMEDIES: Readonly<Record<Device, string>> = {
  cpu: "install onnxruntime-node again for this platform",
  webgpu:
    "it needs a GPU with its driver: on Linux a Vulkan driver with its loader (libvulkan1, and NVIDIA's own driver or mesa-vulkan-drivers)",
  cuda: "it needs CUDA 12, cuDNN 9 and the libraries that onnxruntime-node's install script downloads (npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12)",
  dml: "it needs a GPU that supports DirectX 12, with its driver",
  coreml: "it needs macOS on arm64",
};

/**
 * Lists what the installed ONNX Runtime offers, each tried with a graph of one node.
 *
 * @throws UnsupportedCapabilityError when ONNX Runtime is not installed
 */
export async function listDevices(): Promise<ListedDevice[]> {
  const listed: ListedDevice[] = [];
  for (const { name, bundled } of await offeredDevices()) {
    const fault = await faultOf(name);
    const reason = fault === undefined ? null : `${fault}; ${REMEDIES[name]}`;
    listed.push({ name, bundled, usable: reason === null, reason });
  }
  return listed;
}

/**
 * Makes sure that graphs can run on a device.
 *
 * @throws InvalidArgumentError when it is none
 * @throws UnsupportedCapabilityError when it is not there, with what is there and the remedy
 */
export async function requireDevice(name: unknown): Promise<Device> {
  const device = oneOf("device", name, DEVICES);
  if (device === "cpu") return device;
  const offered = (await offeredDevices()).map((one) => one.name);
  if (!offered.includes(device)) {
    throw new UnsupportedCapabilityError(
      `device: received '${device}'; onnxruntime-node on ${process.platform} ${process.arch} offers ${offered.join(", ")}; use one of these`,
    );
  }
  const fault = await faultOf(device);
  if (fault === undefined) return device;
  throw new UnsupportedCapabilityError(
    `device: '${device}' cannot be used here: ${fault}; ${REMEDIES[device]}. Without it, use cpu; 'groundsight models --devices' tries what else is offered`,
  );
}

/** What the installed runtime was built for, of the devices known here. */
async function offeredDevices(): Promise<{ name: Device; bundled: boolean }[]> {
  const { listSupportedBackends } = await onnxRuntime();
  const offered = new Map(listSupportedBackends().map(({ name, bundled }) => [name, bundled]));
  return DEVICES.flatMap((name) => {
    const bundled = offered.get(name);
    return bundled === undefined ? [] : [{ name, bundled }];
  });
}

/** Why a graph of one node does not run on a device; undefined where it does. */
async function faultOf(device: Device): Promise<string | undefined> {
  const { InferenceSession, Tensor, env } = await onnxRuntime();
  // The runtime would tell the same in lines of its own.
  env.logLevel = "fatal";
  try {
    const options = { executionProviders: [device], logSeverityLevel: 4 } as const;
    const session = await nativeRun(() => InferenceSession.create(doubling(), options));
    try {
      const fed = { x: new Tensor("float32", Float32Array.of(1, 2, 3), [3]) };
      const { y } = await nativeRun(() => session.run(fed));
      const found = [...(y!.data as Float32Array)].join();
      return found === "2,4,6" ? undefined : `it doubles 1, 2, 3 to ${found}`;
    } finally {
      await session.release();
    }
  } catch (error) {
    return runtimeReason((error as Error).message);
  }
}

/** What an error of the runtime says, without the place in its source. */
function runtimeReason(message: string): string {
  const [line = ""] = message.split("\n");
  return line.replace(/^.* was false\. /, "").replace(/[.\s]+$/, "");
}

/** y = 2 x, for three numbers. */
function doubling(): Uint8Array {
  const value = (name: string) => makeValueInfo(name, DataType.float32, [3]);
  return writeModel(
    makeModel({
      nodes: [makeNode("Mul", ["x", "two"], ["y"])],
      inputs: [value("x")],
      outputs: [value("y")],
      initializers: [makeTensor("two", [1], Float32Array.of(2))],
    }),
  );
}
