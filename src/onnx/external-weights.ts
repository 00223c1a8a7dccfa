import { makeExternalTensor } from "./build.js";
import { changed, type OnnxModel } from "./graph-model.js";

/** Names of the files that hold a graph's weights, each once. */
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
