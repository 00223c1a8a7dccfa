import type { TensorData } from "../../engine/tensor-data.js";
import { inputTensor } from "./float-tensors.js";
import type { CheckpointGraphs } from "./graphs.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/**
 * What the decoder takes of some tokens, by the names of its inputs: their embeddings (tokens, hidden), and of some models
 * more (tokens, ...), such as the inputs of each layer.
 */
export interface TokenInputs {
  readonly inputs_embeds: TensorData;
  readonly [name: string]: TensorData;
}

/** The decoder's inputs that the token embedding makes, each with the name of its output. */
export function tokenInputNames({
  embed,
  decoder,
}: Pick<CheckpointGraphs, "embed" | "decoder">): [input: string, output: string][] {
  const [first = "inputs_embeds"] = embed.outputNames;
  const embeddings = embed.outputNames.includes("inputs_embeds") ? "inputs_embeds" : first;
  const others = embed.outputNames.filter(
    (name) => name !== embeddings && decoder.session.inputNames.includes(name),
  );
  return [["inputs_embeds", embeddings], ...others.map((name): [string, string] => [name, name])];
}

/** One token's part of each input (1, ...); views, not copies. */
export function inputsOfToken(inputs: TokenInputs, token: number): TokenInputs {
  return mapInputs(inputs, ({ data, dims: [, ...sizes] }) => {
    const size = product(sizes);
    return { data: data.subarray(token * size, (token + 1) * size), dims: [1, ...sizes] };
  });
}

/** The inputs of several contexts as tensors (B, steps, ...), shorter ones padded with zeros on the left. */
export function tokenTensors(
  runtime: Runtime,
  session: Session,
  contexts: readonly TokenInputs[],
  steps: number,
): Tensors {
  const tensors = Object.entries(contexts[0]!).map(
    ([
      name,
      {
        dims: [, ...sizes],
      },
    ]) => {
      const size = product(sizes);
      const data = new Float32Array(contexts.length * steps * size);
      contexts.forEach((inputs, i) => {
        const own = inputs[name]!.data;
        data.set(own, (i + 1) * steps * size - own.length);
      });
      const dims = [contexts.length, steps, ...sizes];
      return [name, inputTensor(runtime, session, name, { data, dims })] as const;
    },
  );
  return Object.fromEntries(tensors);
}

function mapInputs(inputs: TokenInputs, change: (input: TensorData) => TensorData): TokenInputs {
  const changed = Object.entries(inputs).map(([name, input]) => [name, change(input)]);
  return Object.fromEntries(changed) as TokenInputs;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
