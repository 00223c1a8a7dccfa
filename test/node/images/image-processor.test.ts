import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import type { TensorData } from "../../../src/engine/tensor-data.js";
import { ModelLoadError } from "../../../src/errors.js";
import { loadImageProcessor } from "../../../src/node/images/image-processor.js";

const pillow = fileURLToPath(new URL("pillow/", import.meta.url));
const rgb = async (name: string) => {
  const reading = sharp(readFileSync(join(pillow, name)))
    .removeAlpha()
    .raw();
  const { data, info } = await reading.toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
};
const processorOf = (settings: object) => {
  const folder = mkdtempSync(join(tmpdir(), "groundsight-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(settings));
  return loadImageProcessor(folder);
};

test.each(["DeiTImageProcessor", "SiglipImageProcessor"])(
  "%s resizes as Pillow does",
  async (type) => {
    const processor = await processorOf({
      image_processor_type: type,
      size: { width: 61, height: 40 },
      resample: 3,
      do_rescale: false,
      do_normalize: false,
    });
    const { pixel_values: values } = await processor(await rgb("photograph.png"), {});
    const { data, dims } = values as TensorData;
    expect([...dims]).toEqual([1, 3, 40, 61]);
    const expected = (await rgb("bicubic-61x40.png")).data;
    const planes = [0, 1, 2].flatMap((c) => [...expected].filter((_, i) => i % 3 === c));
    expect([...data]).toEqual(planes);
  },
);

test.each([[{ image_processor_type: "NoSuchProcessor" }], [[]], [{ resample: "cubic" }]])(
  "%j is refused, not taken for something else",
  async (settings) => {
    await expect(processorOf(settings)).rejects.toThrow(ModelLoadError);
  },
);
