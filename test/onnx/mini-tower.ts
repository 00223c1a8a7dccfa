import { SeededRandom } from "../../src/math/seeded-random.js";
import { GraphBuilder } from "../../src/onnx/graph-builder.js";
import { DataType, type OnnxModel } from "../../src/onnx/model.js";

/**
 * A vision tower in miniature: "patches" [B, T, W] instead of pixels, layers of norm, a linear mixer in the place of
 * attention, norm, fc1, relu, fc2 with biases, and a final norm, under the names of a PyTorch export.
 */
export function makeMiniTower(
  layers: number,
  width: number,
  tokens: number,
  batch: number | string = "batch",
): OnnxModel {
  const graph = new GraphBuilder();
  const random = new SeededRandom(3);
  const draw = (count: number) => random.gaussians(count).map((x) => x / Math.sqrt(width));
  const norm = (x: string, name: string): string => {
    const weight = graph.constant(
      `${name.slice(1)}.weight`,
      [width],
      draw(width).map((w) => 1 + w),
    );
    const bias = graph.constant(`${name.slice(1)}.bias`, [width], draw(width));
    return graph.op("LayerNormalization", [x, weight, bias], `${name}/LayerNormalization`, {
      axis: -1,
    });
  };
  const linear = (x: string, name: string): string => {
    const weight = graph.constant(`${name.slice(1)}.weight`, [width, width], draw(width * width));
    const bias = graph.constant(`${name.slice(1)}.bias`, [width], draw(width));
    return graph.op(
      "Add",
      [bias, graph.op("MatMul", [x, weight], `${name}/MatMul`)],
      `${name}/Add`,
    );
  };
  const dims = [batch, tokens, width];
  let stream = norm(graph.input("pixel_values", DataType.float32, dims), "/vision/pre_layernorm");
  for (let layer = 0; layer < layers; layer++) {
    const name = `/vision/encoder/layers.${layer}`;
    const mixed = linear(norm(stream, `${name}/layer_norm1`), `${name}/self_attn/out_proj`);
    stream = graph.op("Add", [stream, mixed], `${name}/Add`);
    const inner = linear(norm(stream, `${name}/layer_norm2`), `${name}/mlp/fc1`);
    const active = graph.op("Relu", [inner], `${name}/mlp/Relu`);
    stream = graph.op("Add", [stream, linear(active, `${name}/mlp/fc2`)], `${name}/Add_1`);
  }
  graph.output(norm(stream, "/vision/post_layernorm"), "features", DataType.float32, dims);
  return graph.build();
}
