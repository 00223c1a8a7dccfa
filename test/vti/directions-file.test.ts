import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gguf } from "@huggingface/gguf";
import { describe, expect, test } from "vitest";
import type { SteeringDirections } from "../../src/engine/directions.js";
import { DatasetError, InvalidArgumentError } from "../../src/errors.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { controlVectorGguf } from "../../src/vti/control-vector-gguf.js";
import { decodeDirections, encodeDirections } from "../../src/vti/directions-file.js";
import { readSafetensors, writeSafetensors } from "../../src/vti/safetensors.js";

const random = new SeededRandom(4);
const directions: SteeringDirections = {
  modelHash: "abc123",
  image: { layers: 2, positions: 3, width: 4, data: random.gaussians(24) },
  text: { layers: 3, positions: 1, width: 5, data: random.gaussians(15) },
  facts: { model: "pocket", settings: { seed: 1, note: "déjà vu" } },
};

describe("a directions file", () => {
  test("gives back what was written, also from a view into a larger buffer", () => {
    const bytes = encodeDirections(directions);
    expect(decodeDirections(bytes)).toEqual(directions);
    const shifted = Buffer.concat([Buffer.from("xyz"), bytes]).subarray(3);
    expect(decodeDirections(shifted)).toEqual(directions);
  });

  test("may lack one part", () => {
    const { text: _, ...imageOnly } = directions;
    expect(decodeDirections(encodeDirections(imageOnly))).toEqual(imageOnly);
  });

  test("begins as the safetensors format says: header length, JSON, aligned data", () => {
    const bytes = encodeDirections(directions);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(length % 8).toBe(0);
    expect(header.image).toEqual({ dtype: "F32", shape: [2, 3, 4], data_offsets: [0, 96] });
    expect(bytes.length).toBe(8 + length + 96 + 60);
  });

  const bytes = encodeDirections(directions);
  const other = (tensors: Parameters<typeof writeSafetensors>[0]["tensors"], metadata = {}) =>
    writeSafetensors({ tensors, metadata });
  const meta = { format: "groundsight-directions", version: "1", modelHash: "x", facts: "{}" };
  test.each<[string, Uint8Array, RegExp]>([
    ["empty", new Uint8Array(0), /header is missing/],
    ["text", new TextEncoder().encode("hello, this is text"), /not a safetensors file/],
    ["cut off in the header", bytes.subarray(0, 40), /cut off/],
    ["cut off in the data", bytes.subarray(0, bytes.length - 4), /lies at bytes/],
    ["other tensors", other({}), /not a directions file/],
    ["a later version", other({}, { ...meta, version: "2" }), /version 2; expected/],
    [
      "another shape",
      other({ text: { dims: [2], data: new Float32Array(2) } }, meta),
      /shape \(2\)/,
    ],
    [
      "numbers that are not finite",
      other({ text: { dims: [1, 1, 1], data: Float32Array.of(Number.NaN) } }, meta),
      /not finite/,
    ],
  ])("that is %s is refused", (_, broken, message) => {
    expect(() => decodeDirections(broken)).toThrow(DatasetError);
    expect(() => decodeDirections(broken)).toThrow(message);
  });

  test("other precisions are refused by name", () => {
    const header = new TextEncoder().encode(
      '{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}  ',
    );
    const file = new Uint8Array(8 + header.length + 2);
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(header, 8);
    expect(() => readSafetensors(file)).toThrow("tensor a has dtype F16; expected F32 with");
    file.set([0x55, 0x35], 8 + header.length);
    const { tensors } = readSafetensors(file, ["F32", "F16"]);
    expect(tensors.a).toEqual({ dims: [1], data: Float32Array.of(0.333251953125) });
    file[8 + header.indexOf("F".charCodeAt(0))] = "B".charCodeAt(0);
    expect(() => readSafetensors(file, ["F32", "F16"])).toThrow("has dtype B16");
  });
});

describe("a control vector", () => {
  test("is read by an independent parser: one unit vector per layer but the first", async () => {
    const folder = await mkdtemp(join(tmpdir(), "groundsight-"));
    const path = join(folder, "vector.gguf");
    const bytes = controlVectorGguf(directions, "llama");
    await writeFile(path, bytes);
    const { metadata, tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true });
    await rm(folder, { recursive: true });
    expect(metadata).toMatchObject({
      version: 3,
      "general.architecture": "controlvector",
      "controlvector.model_hint": "llama",
      "controlvector.layer_count": 2,
    });
    expect(tensorInfos).toMatchObject([
      { name: "direction.1", shape: [5n], dtype: 0, offset: 0n },
      { name: "direction.2", shape: [5n], dtype: 0, offset: 32n },
    ]);
    const start = Number(tensorDataOffset + tensorInfos[1]!.offset);
    const stored = new Float32Array(bytes.slice(start, start + 20).buffer);
    const row = directions.text!.data.subarray(10, 15);
    const length = Math.hypot(...row);
    stored.forEach((value, i) => {
      expect(value).toBeCloseTo(row[i]! / length, 6);
    });
  });

  test("needs a textual direction", () => {
    const { text: _, ...imageOnly } = directions;
    expect(() => controlVectorGguf(imageOnly, "llama")).toThrow(InvalidArgumentError);
  });
});
