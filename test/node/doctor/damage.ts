import { cp, mkdtemp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { makeExternalTensor, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import { changed, type OnnxModel, type OnnxTensor } from "../../../src/onnx/graph-model.js";
import { readModel } from "../../../src/onnx/read-model.js";
import { writeModel } from "../../../src/onnx/write-model.js";
import { CHECKPOINTS } from "../../global-setup.js";

/**
 * A copy of a small random checkpoint, to be damaged, which is there until the test ends.
 * @param place the folder of checkpoints that it is in
 */
export async function copyOf(name = "concat", place: string = CHECKPOINTS): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "groundsight-copy-"));
  onTestFinished(() => rm(made, { recursive: true }));
  const folder = join(made, "checkpoint");
  await cp(place + name, folder, { recursive: true });
  return folder;
}

export const onnx = (folder: string, name: string): string => join(folder, "onnx", `${name}.onnx`);

/** Changes a JSON file of a checkpoint. */
export async function changeJson(
  folder: string,
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: any part of any file
  change: (content: any) => void,
): Promise<void> {
  const path = join(folder, name);
  const content = JSON.parse(await readFile(path, "utf8"));
  change(content);
  await writeFile(path, JSON.stringify(content));
}

/** Changes a graph of a checkpoint. */
export async function changeGraph(
  folder: string,
  name: string,
  change: (model: OnnxModel) => OnnxModel,
): Promise<void> {
  const path = onnx(folder, name);
  const bytes = writeModel(change(readModel(await readFile(path))));
  await writeFile(path, bytes);
}

/** Renames inputs, outputs, initializers, nodes and all uses of values. */
export function renamed(model: OnnxModel, rename: (name: string) => string): OnnxModel {
  const { graph } = model;
  const values = (list: OnnxModel["graph"]["inputs"]) =>
    list.map(({ name, elemType, dims }) =>
      makeValueInfo(
        rename(name),
        elemType,
        (dims ?? []).map((dim) => dim ?? "?"),
      ),
    );
  return changed(model, {
    graph: changed(graph, {
      nodes: graph.nodes.map((node) =>
        changed(node, {
          name: rename(node.name),
          inputs: node.inputs.map(rename),
          outputs: node.outputs.map(rename),
        }),
      ),
      initializers: graph.initializers.map((tensor) => {
        const name = rename(tensor.name);
        const numbers = () => new Float32Array(new Uint8Array(tensor.rawData!).buffer);
        return name === tensor.name ? tensor : makeTensor(name, tensor.dims, numbers());
      }),
      inputs: values(graph.inputs),
      outputs: values(graph.outputs),
    }),
  });
}

/** Changes the numbers of one initializer. */
export function withNumbers(
  model: OnnxModel,
  pick: (tensor: OnnxTensor) => boolean,
  change: (numbers: Float32Array) => void,
): OnnxModel {
  const { graph } = model;
  const picked = graph.initializers.find(pick);
  if (picked?.rawData === undefined) throw new Error("no such initializer");
  const numbers = new Float32Array(new Uint8Array(picked.rawData).buffer);
  change(numbers);
  const initializers = graph.initializers.map((tensor) =>
    tensor === picked ? makeTensor(picked.name, picked.dims, numbers) : tensor,
  );
  return changed(model, { graph: changed(graph, { initializers }) });
}

/**
 * Moves the large weights of a graph into files beside it, `<graph>.onnx_data` and, of several chunks, `<graph>.onnx_data_1`
 * and on, one tensor after the other in turn.
 *
 * @returns the first of these files
 */
export async function moveOut(folder: string, name: string, chunks = 1): Promise<string> {
  const files = Array.from({ length: chunks }, (_, i) => ({
    location: `${name}.onnx_data${i === 0 ? "" : `_${i}`}`,
    pieces: [] as Uint8Array[],
    bytes: 0,
  }));
  let moved = 0;
  await changeGraph(folder, name, (model) => {
    const initializers = model.graph.initializers.map((tensor) => {
      const { rawData, dims, dataType } = tensor;
      if (rawData === undefined || rawData.length < 1024) return tensor;
      const file = files[moved++ % chunks]!;
      const { location, bytes: offset } = file;
      // The runtime wants weights to begin at multiples of their elements' size.
      const padding = new Uint8Array(-rawData.length & 63);
      file.pieces.push(new Uint8Array(rawData), padding);
      file.bytes += rawData.length + padding.length;
      const place = { location, offset, length: rawData.length };
      return makeExternalTensor(tensor.name, dims, dataType, place);
    });
    return changed(model, { graph: changed(model.graph, { initializers }) });
  });
  for (const { location, pieces } of files)
    await writeFile(join(folder, "onnx", location), Buffer.concat(pieces));
  return join(folder, "onnx", files[0]!.location);
}

export { readFile, rename, rm, truncate, writeFile };
