import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-common";

/** A loaded graph: the part of an ONNX Runtime session that the engine uses. */
export type Session = Pick<
  InferenceSession,
  "inputNames" | "outputNames" | "inputMetadata" | "outputMetadata" | "run" | "release"
>;

/** Named tensors fed to a session, or read from it. */
export type Tensors = Record<string, Tensor>;

/** The ONNX Runtime in use (onnxruntime-node, or onnxruntime-web in a browser), passed in by whoever loads a model. */
export interface Runtime {
  readonly Tensor: TensorConstructor;
}
