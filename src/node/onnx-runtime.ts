import { importFailure } from "../errors.js";

/**
 * ONNX Runtime for Node, which users install beside this package: its install script fetches CUDA libraries on Linux x64
 * unless it is told not to, and what a dependency's script does cannot be chosen by the package that depends on it.
 *
 * @throws UnsupportedCapabilityError with the command that installs it
 */
export async function onnxRuntime(): Promise<typeof import("onnxruntime-node")> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw importFailure(
      {
        name: "onnxruntime-node",
        version: "1.30.0",
        use: "running a model",
        flags: "--ignore-scripts",
      },
      cause,
    );
  }
}
