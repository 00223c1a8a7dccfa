/** The arithmetic of steering in nodes of a graph; {@link addSteering} says what it computes. */
import { makeNode, makeTensor } from "../build.js";
import type { TransformerLayer } from "../find-layers.js";
import { DataType, type OnnxNode, type OnnxTensor } from "../graph-model.js";

/** What the names of all values that steering adds begin with. */
export const STEERING_PREFIX = "steering";

/** A bias that steering must add in a node of its own, to the value before it. */
export interface BiasApart {
  readonly unbiased: string;
  readonly bias: string;
}

/** What steering adds for one layer, and which input of the residual add its output takes the place of. */
export interface SteeredLayer {
  readonly nodes: OnnxNode[];
  readonly replaces: string;
  readonly output: string;
}

/** Nodes that steer one MLP output x [B, S, W] by a unit direction [1, T, W]. */
export function steerLayer(
  layer: TransformerLayer,
  direction: string,
  { opset, apart }: { opset: number; apart: BiasApart | undefined },
): SteeredLayer {
  const at = `${STEERING_PREFIX}/layer_${layer.layer}`;
  const nodes: OnnxNode[] = [];
  const op = (opType: string, inputs: string[], name: string, attributes = {}): string => {
    nodes.push(makeNode(opType, inputs, [`${at}/${name}`], { attributes }));
    return `${at}/${name}`;
  };
  // From operator set 18 on the axes of a reduction are an input.
  const length = (value: string, name: string): string =>
    opset < 18
      ? op("ReduceL2", [value], name, { axes: [-1], keepdims: 1 })
      : op("ReduceL2", [value, `${STEERING_PREFIX}/last_axis`], name, { keepdims: 1 });
  const half = layer.elemType === DataType.float16;
  const whole =
    apart === undefined ? layer.mlpOutput : op("Add", [apart.unbiased, apart.bias], "with_bias");
  const x = half ? op("Cast", [whole], "float32", { to: DataType.float32 }) : whole;
  const r = length(x, "norm"); // |x|: (B, S, 1)
  const scale = op("Mul", [r, `${STEERING_PREFIX}/strength`], "scale"); // 0.1 alpha |x|: (B, S, 1)
  const shift = op("Mul", [scale, direction], "shift"); // (B, S, W)
  const z = op("Add", [x, shift], "shifted");
  const zNorm = length(z, "shifted_norm");
  const safe = op("Max", [zNorm, `${STEERING_PREFIX}/tiny`], "safe_norm"); // x = 0 stays 0
  const ratio = op("Div", [r, safe], "ratio");
  let y = op("Mul", [z, ratio], "steered");
  if (half) y = op("Cast", [y], "float16", { to: DataType.float16 });
  if (apart === undefined) return { nodes, replaces: layer.mlpOutput, output: y };
  // The MLP's own path stays as it was; what steering changes is added to the stream instead: nothing when y = x.
  const change = op("Sub", [y, whole], "change");
  const output = op("Add", [layer.residual, change], "stream");
  return { nodes, replaces: layer.residual, output };
}

/** The numbers that the nodes of {@link addSteering} share, for this many layers. */
export function steeringConstants(layers: number): OnnxTensor[] {
  return [
    makeTensor(`${STEERING_PREFIX}/axes_1_2`, [2], BigInt64Array.of(1n, 2n)),
    makeTensor(`${STEERING_PREFIX}/axes_1`, [1], BigInt64Array.of(1n)),
    makeTensor(`${STEERING_PREFIX}/axis_0`, [1], BigInt64Array.of(0n)),
    makeTensor(`${STEERING_PREFIX}/last_axis`, [1], BigInt64Array.of(-1n)),
    makeTensor(`${STEERING_PREFIX}/tenth`, [], Float32Array.of(0.1)),
    makeTensor(`${STEERING_PREFIX}/tiny`, [], Float32Array.of(1e-12)),
    makeTensor(`${STEERING_PREFIX}/ones`, [layers], new BigInt64Array(layers).fill(1n)),
  ];
}
