import { makeExternalTensor } from "./build.js";
import { changed, type OnnxModel } from "./graph-model.js";

/** Tensors below this many bytes stay in the graph: shapes and constants, which the runtime reads while optimising. */
const SMALL = 1024;

/**
 * Makes a graph refer to the weights inside the file it was read from, instead of holding them: the file itself
 * becomes the external data of the graph. What is written of it is small whatever the size of the model, and the
 * runtime maps the weights into memory, however many sessions use them.
 *
 * @param model as read from `bytes`; not touched
 * @param bytes the whole file
 * @param location the file's name, relative to the folder that the session is told
 */
export function referToWeights(model: OnnxModel, bytes: Uint8Array, location: string): OnnxModel {
  const initializers = model.graph.initializers.map((tensor) => {
    const { rawData } = tensor;
    if (rawData === undefined || rawData.byteLength < SMALL) return tensor;
    const offset = rawData.byteOffset - bytes.byteOffset;
    const place = { location, offset, length: rawData.byteLength };
    return makeExternalTensor(tensor.name, tensor.dims, tensor.dataType, place);
  });
  return changed(model, { graph: changed(model.graph, { initializers }) });
}

/** Names of the other files that hold a graph's weights, each once. */
export function externalFiles({ graph }: OnnxModel): string[] {
  const names = graph.initializers.flatMap(({ external }) => external?.get("location") ?? []);
  return [...new Set(names)];
}

/**
 * The graph with its weights named at other places.
 *
 * @param places where each file lies that the graph names
 */
export function moveWeights(model: OnnxModel, places: ReadonlyMap<string, string>): OnnxModel {
  if (places.size === 0) return model;
  const initializers = model.graph.initializers.map((tensor) => {
    const { external, name, dims, dataType } = tensor;
    const location = places.get(external?.get("location") ?? "");
    if (external === undefined || location === undefined) return tensor;
    const place = { ...Object.fromEntries(external), location };
    return makeExternalTensor(name, dims, dataType, place);
  });
  return changed(model, { graph: changed(model.graph, { initializers }) });
}
