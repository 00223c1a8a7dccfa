import type { Session } from "../backends/onnx/runtime.js";
import { ModelLoadError } from "../errors.js";

/**
 * Refuses a graph that is not what its file name says.
 *
 * @throws ModelLoadError naming the file and the input that is missing
 */
export function checkGraph(path: string, { inputNames }: Session, needed: readonly string[]): void {
  const missing = needed.find((name) => !inputNames.includes(name));
  if (missing === undefined) return;
  throw new ModelLoadError(
    `${path} has the inputs ${inputNames.slice(0, 8).join(", ")}; expected ${missing} among them. It is another graph: export the checkpoint again, or fetch the file again`,
  );
}
