/** Norms and projections of {@link makeSyntheticDecoder}, in the forms that exporters and quantizers produce. */
import { makeExternalTensor } from "../../onnx/build.js";
import { DataType } from "../../onnx/graph-model.js";
import { type DecoderContext, EXTERNAL_WEIGHTS } from "./context.js";

const BLOCK = 32;
const MICROSOFT = "com.microsoft";

/** y [.., out] = x [.., in] W, with W drawn uniformly so that variance is kept. */
export function addLinear(
  context: DecoderContext,
  x: string,
  inputs: number,
  outputs: number,
  name: string,
): string {
  const format = context.options.weights;
  if (format === "int8") return addInt8Linear(context, x, inputs, outputs, name);
  if (format === "int4") return addInt4Linear(context, x, inputs, outputs, name);
  const { graph, random } = context;
  if (format === "external") {
    const length = 4 * inputs * outputs;
    const place = { location: EXTERNAL_WEIGHTS, offset: context.external.bytes, length };
    context.external.bytes += length;
    const weight = makeExternalTensor(
      `${name.slice(1)}.weight`,
      [inputs, outputs],
      DataType.float32,
      place,
    );
    return graph.op("MatMul", [x, graph.initializer(weight)], `${name}/MatMul`);
  }
  const bound = Math.sqrt(3 / inputs);
  const data = new Float32Array(inputs * outputs);
  for (let i = 0; i < data.length; i++) data[i] = (2 * random.uniform() - 1) * bound;
  const weight = graph.constant(`${name.slice(1)}.weight`, [inputs, outputs], data);
  return graph.op("MatMul", [x, weight], `${name}/MatMul`);
}

/** Dynamic quantization: DynamicQuantizeLinear, MatMulInteger, then scaled back to float32. */
function addInt8Linear(
  context: DecoderContext,
  x: string,
  inputs: number,
  outputs: number,
  name: string,
): string {
  const { graph, random } = context;
  const data = new Int8Array(inputs * outputs);
  for (let i = 0; i < data.length; i++) data[i] = random.integer(255) - 127;
  const weight = graph.constant(`${name.slice(1)}.weight_quantized`, [inputs, outputs], data);
  const zero = graph.constant(`${name.slice(1)}.weight_zero_point`, [], Int8Array.of(0));
  const scale = graph.constant(
    `${name.slice(1)}.weight_scale`,
    [],
    Float32Array.of(Math.sqrt(3 / inputs) / 127),
  );
  const [quantized = "", xScale = "", xZero = ""] = graph.ops(
    "DynamicQuantizeLinear",
    [x],
    `${name}/QuantizeLinear`,
    3,
  );
  const product = graph.op(
    "MatMulInteger",
    [quantized, weight, xZero, zero],
    `${name}/MatMul_quant`,
  );
  const float = graph.op("Cast", [product], `${name}/MatMul_quant_cast`, { to: DataType.float32 });
  const scales = graph.op("Mul", [xScale, scale], `${name}/MatMul_quant_scales_mul`);
  return graph.op("Mul", [float, scales], `${name}/MatMul_quant_output_scale_mul`);
}

/** 4-bit weights in blocks of 32 along the input, symmetric about 8. */
function addInt4Linear(
  context: DecoderContext,
  x: string,
  inputs: number,
  outputs: number,
  name: string,
): string {
  const { graph, random } = context;
  const blocks = Math.ceil(inputs / BLOCK);
  const packed = new Uint8Array((outputs * blocks * BLOCK) / 2);
  for (let i = 0; i < packed.length; i++) packed[i] = random.integer(256);
  const scales = new Float32Array(outputs * blocks).fill(Math.sqrt(3 / inputs) / 8);
  const weight = graph.constant(
    `${name.slice(1)}.MatMul.weight_Q4`,
    [outputs, blocks, BLOCK / 2],
    packed,
  );
  const scale = graph.constant(`${name.slice(1)}.MatMul.weight_scales`, [outputs * blocks], scales);
  const attributes = { K: inputs, N: outputs, bits: 4, block_size: BLOCK };
  return graph.op("MatMulNBits", [x, weight, scale], `${name}/MatMul_Q4`, attributes, MICROSOFT);
}

/** RMS norm in single operators: x / sqrt(mean(x^2) + eps) * w. */
export function addNorm(context: DecoderContext, x: string, name: string): string {
  const { graph } = context;
  const weight = normWeight(context, name);
  if (context.options.norm === "fused") {
    const attributes = { axis: -1, epsilon: { float: 1e-5 }, stash_type: 1 };
    return graph.op("SimplifiedLayerNormalization", [x, weight], `${name}/LayerNorm`, attributes);
  }
  const square = graph.op("Pow", [x, graph.float(2)], `${name}/Pow`);
  // From operator set 18 on the axes of a reduction are an input.
  const mean =
    context.opset < 18
      ? graph.op("ReduceMean", [square], `${name}/ReduceMean`, { axes: [-1], keepdims: 1 })
      : graph.op("ReduceMean", [square, graph.integers([-1])], `${name}/ReduceMean`);
  const shifted = graph.op("Add", [mean, graph.float(1e-5)], `${name}/Add`);
  const root = graph.op("Sqrt", [shifted], `${name}/Sqrt`);
  const scaled = graph.op("Div", [x, root], `${name}/Div`);
  return graph.op("Mul", [weight, scaled], `${name}/Mul_1`);
}

/** Residual add and RMS norm in one fused operator, whose fourth output is the sum. */
export function addSkipNorm(
  context: DecoderContext,
  stream: string,
  added: string,
  name: string,
): { sum: string; normed: string } {
  const { graph } = context;
  const weight = normWeight(context, name);
  const attributes = { epsilon: { float: 1e-5 } };
  const inputs = [stream, added, weight];
  const outputs = graph.ops(
    "SkipSimplifiedLayerNormalization",
    inputs,
    `${name}/SkipLayerNorm`,
    4,
    attributes,
    MICROSOFT,
  );
  return { sum: outputs[3] ?? "", normed: outputs[0] ?? "" };
}

function normWeight(context: DecoderContext, name: string): string {
  const { width } = context.options;
  const data = Float32Array.from({ length: width }, () => 0.5 + context.random.uniform());
  return context.graph.constant(`${name.slice(1)}.weight`, [width], data);
}
