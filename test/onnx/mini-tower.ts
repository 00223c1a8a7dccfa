import { SeededRandom } from "../../src/math/seeded-random.js";
import { DataType, type OnnxModel } from "../../src/onnx/graph-model.js";
import { GraphBuilder } from "../../src/testing/synthetic/graph-builder.js";
import { addTower, addTowerNorm } from "../../src/testing/synthetic/tower.js";

/** A vision tower in miniature with norms before and behind: "pixels" (B, T, W) -> features (B, T, W). */
export function makeMiniTower(
  layers: number,
  width: number,
  tokens: number,
  batch: number | string = "batch",
): OnnxModel {
  return towerOf([batch, tokens, width], layers);
}

/** The same tower as exporters write it that take all patches of all images as rows: (patches, W) -> (patches, W). */
export function makeFlatTower(layers: number, width: number): OnnxModel {
  return towerOf(["patches", width], layers);
}

function towerOf(dims: (number | string)[], layers: number): OnnxModel {
  const width = Number(dims.at(-1));
  const graph = new GraphBuilder();
  const random = new SeededRandom(3);
  const pixels = graph.input("pixel_values", DataType.float32, dims);
  const first = addTowerNorm(graph, random, pixels, width, "/vision/pre_layernorm");
  const last = addTower(graph, random, first, { layers, width });
  const features = addTowerNorm(graph, random, last, width, "/vision/post_layernorm");
  graph.output(features, "features", DataType.float32, dims);
  return graph.build();
}
