import type { SeededRandom } from "../../math/seeded-random.js";
import type { GraphBuilder } from "./graph-builder.js";

/** Shape of {@link addTower}. */
export interface TowerOptions {
  readonly layers: number;
  readonly width: number;
}

/**
 * Adds the layers of a vision tower in miniature to a graph, under the names of a PyTorch export: norm, a linear mixer
 * in the place of attention, norm, fc1, relu, fc2, all with biases.
 *
 * @param stream value (B, T, W) that enters the first layer
 * @returns the residual stream (B, T, W) behind the last layer
 */
export function addTower(
  graph: GraphBuilder,
  random: SeededRandom,
  stream: string,
  { layers, width }: TowerOptions,
): string {
  const draw = (count: number) => random.gaussians(count).map((x) => x / Math.sqrt(width));
  const linear = (x: string, name: string): string => {
    const weight = graph.constant(`${name.slice(1)}.weight`, [width, width], draw(width * width));
    const bias = graph.constant(`${name.slice(1)}.bias`, [width], draw(width));
    return graph.op(
      "Add",
      [bias, graph.op("MatMul", [x, weight], `${name}/MatMul`)],
      `${name}/Add`,
    );
  };
  let residual = stream;
  for (let layer = 0; layer < layers; layer++) {
    const name = `/vision/encoder/layers.${layer}`;
    const normed = addTowerNorm(graph, random, residual, width, `${name}/layer_norm1`);
    residual = graph.op(
      "Add",
      [residual, linear(normed, `${name}/self_attn/out_proj`)],
      `${name}/Add`,
    );
    const again = addTowerNorm(graph, random, residual, width, `${name}/layer_norm2`);
    const active = graph.op("Relu", [linear(again, `${name}/mlp/fc1`)], `${name}/mlp/Relu`);
    residual = graph.op("Add", [residual, linear(active, `${name}/mlp/fc2`)], `${name}/Add_1`);
  }
  return residual;
}

/** Adds a layer norm with random weight around 1 and random bias. */
export function addTowerNorm(
  graph: GraphBuilder,
  random: SeededRandom,
  x: string,
  width: number,
  name: string,
): string {
  const draw = () => random.gaussians(width).map((value) => value / Math.sqrt(width));
  const weight = graph.constant(
    `${name.slice(1)}.weight`,
    [width],
    draw().map((w) => 1 + w),
  );
  const bias = graph.constant(`${name.slice(1)}.bias`, [width], draw());
  return graph.op("LayerNormalization", [x, weight, bias], `${name}/LayerNormalization`, {
    axis: -1,
  });
}
