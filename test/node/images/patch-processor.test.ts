import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { TensorData } from "../../../src/engine/tensor-data.js";
import { ModelLoadError } from "../../../src/errors.js";
import { fittedSize } from "../../../src/node/images/fitted-size.js";
import { loadImageProcessor } from "../../../src/node/images/image-processor.js";

interface Golden {
  readonly sizes: readonly number[][];
  readonly patches: readonly {
    readonly settings: object;
    readonly width: number;
    readonly height: number;
    readonly grid: readonly number[];
    readonly dims: readonly number[];
    readonly first: readonly number[];
    readonly sha256: string;
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../golden/qwen_vl.json", import.meta.url), "utf8"),
);

const processorOf = (settings: object) => {
  const folder = mkdtempSync(join(tmpdir(), "groundsight-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const content = { image_processor_type: "Qwen2VLImageProcessorFast", ...settings };
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(content));
  return loadImageProcessor(folder);
};

/** The picture that the recorded patches were made of. */
function picture(width: number, height: number) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return (7 * x + 13 * y + 50 * c + 3 * ((x * y) % 31)) % 256;
  });
  return { data, width, height };
}

test("images are resized to the sizes of Python's smart_resize", () => {
  for (const [width, height, side, least, most, ...after] of golden.sizes as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ][]) {
    const size = fittedSize({ width, height }, side, { least, most });
    expect([width, height, size.width, size.height]).toEqual([width, height, ...after]);
  }
});

describe("patches are those of Python, to the bit", () => {
  test.each(golden.patches)("$settings, $width x $height", async (recorded) => {
    const { settings, width, height, grid, dims, first, sha256 } = recorded;
    const made = await (await processorOf(settings))(picture(width, height), {});
    const values = made.pixel_values as TensorData;
    const found = made.image_grid_thw as TensorData<BigInt64Array>;
    expect([...found.data].map(Number)).toEqual(grid);
    expect(found.dims).toEqual([1, 3]);
    expect(values.dims).toEqual(dims);
    first.forEach((value, i) => {
      expect(values.data[i]).toBeCloseTo(value, 5);
    });
    const { buffer, byteOffset, byteLength } = values.data;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  });
});

test("the bounds of old files are read, where they stand in size too", async () => {
  const grids: number[][] = [];
  for (const settings of [
    { min_pixels: 784, max_pixels: 3136 },
    { size: { min_pixels: 784, max_pixels: 3136 } },
    { size: { shortest_edge: 784, longest_edge: 3136 } },
  ]) {
    const { image_grid_thw: grid } = await (await processorOf(settings))(picture(90, 90), {});
    grids.push([...(grid as TensorData<BigInt64Array>).data].map(Number));
  }
  expect(grids).toEqual(Array(3).fill([1, 4, 4]));
});

test("an image that is too oblong is refused", async () => {
  const processor = await processorOf({});
  await expect(processor(picture(201, 1), {})).rejects.toThrow(
    "it has 201 x 1 pixels; expected a longer side of at most 200 shorter ones",
  );
});

test("an image that is not resized must be one of whole squares", async () => {
  const processor = await processorOf({ do_resize: false });
  await expect(processor(picture(50, 56), {})).rejects.toThrow("in whole squares of 28");
  const { image_grid_thw: grid } = await processor(picture(56, 28), {});
  expect((grid as TensorData<BigInt64Array>).data).toEqual(BigInt64Array.of(1n, 2n, 4n));
});

test.each([
  [{ patch_size: 0 }, "preprocessor_config.json: patch_size: received 0"],
  [{ size: { height: 3, width: 4 } }, "preprocessor_config.json: size: received"],
  [{ image_mean: [1] }, "preprocessor_config.json: image_mean: received [1]"],
  [{ do_pad: true }, "preprocessor_config.json: do_pad is not understood"],
])("settings %j are refused by name", async (settings, message) => {
  const loading = processorOf(settings);
  await expect(loading).rejects.toThrow(ModelLoadError);
  await expect(loading).rejects.toThrow(message);
});
