import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { RgbPixels } from "../../../src/families/family.js";
import { imageSettings } from "../../../src/node/images/image-settings.js";
import { processImage } from "../../../src/node/images/process-image.js";
import { RESAMPLING_FILTERS, resample } from "../../../src/node/images/resample.js";

/** Made by make-references.py beside them, with Pillow. */
const file = (name: string) => fileURLToPath(new URL(`pillow/${name}`, import.meta.url));
const read = async (name: string): Promise<RgbPixels> => {
  const reading = sharp(readFileSync(file(name)))
    .removeAlpha()
    .raw();
  const { data, info } = await reading.toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
};
/** Largest difference in grey levels. */
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

describe("resampling gives Pillow's pixels", () => {
  test.each(RESAMPLING_FILTERS)("%s, made smaller", async (filter) => {
    const resized = await resample(await read("photograph.png"), 61, 40, filter);
    // Sines may round otherwise in another libm.
    const tolerance = filter === "hamming" || filter === "lanczos" ? 1 : 0;
    const { data } = await read(`${filter}-61x40.png`);
    expect(farthest(resized.data, data)).toBeLessThanOrEqual(tolerance);
  });

  test.each(["bilinear", "bicubic", "nearest"] as const)("%s, made larger", async (filter) => {
    const { data } = await resample(await read("photograph.png"), 250, 301, filter);
    const part: number[] = [];
    for (let y = 130; y < 180; y++) {
      part.push(...data.subarray((y * 250 + 100) * 3, (y * 250 + 150) * 3));
    }
    expect(farthest(part, (await read(`${filter}-250x301-part.png`)).data)).toBe(0);
  });

  test("to its own size, without a copy", async () => {
    const image = await read("photograph.png");
    expect(await resample(image, image.width, image.height, "bicubic")).toBe(image);
  });
});

const settings = (content: Record<string, unknown>) =>
  imageSettings({ image_processor_type: "CLIPImageProcessor", ...content })!;

describe("plain image processors do what those in Python do", () => {
  test("a JPEG through CLIP: shorter edge, middle, normalised", async () => {
    const image = await read("photograph.jpg");
    const clip = settings({ size: { shortest_edge: 64 }, crop_size: { height: 64, width: 64 } });
    const { data, dims } = await processImage(image, clip);
    expect(dims).toEqual([1, 3, 64, 64]);
    const levels = new Uint8Array(data.length);
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < 64 * 64; i++) {
        const level = (data[c * 64 * 64 + i]! * clip.deviation[c]! + clip.mean[c]!) * 255;
        levels[3 * i + c] = Math.round(level);
      }
    }
    // JPEG decoders may differ by a level or two.
    expect(farthest(levels, (await read("clip-64.png")).data)).toBeLessThanOrEqual(3);
  });

  const two = { data: Uint8Array.of(0, 0, 0, 255, 255, 255), width: 2, height: 1 };
  const plain = { do_resize: false, do_center_crop: false, image_mean: 0.5, image_std: 0.25 };

  test("steps that are switched off are left out", async () => {
    const asTheyAre = { ...plain, do_rescale: false, do_normalize: false };
    expect((await processImage(two, settings(asTheyAre))).data).toEqual(
      Float32Array.of(0, 255, 0, 255, 0, 255),
    );
    expect((await processImage(two, settings(plain))).data).toEqual(
      Float32Array.of(-2, 2, -2, 2, -2, 2),
    );
  });

  test("what is smaller than the crop gets a black margin, the wider part before it", async () => {
    const crop = { ...plain, do_normalize: false, do_center_crop: true, crop_size: 5 };
    const { data, dims } = await processImage(two, settings(crop));
    expect(dims).toEqual([1, 3, 5, 5]);
    expect(data.indexOf(1)).toBe(2 * 5 + 3);
    expect(data.filter((value) => value > 0)).toHaveLength(3);
  });

  test("where a file says nothing, the processor's own defaults hold", () => {
    expect(settings({})).toMatchObject({ size: { shortestEdge: 224 }, filter: "bicubic" });
    const siglip = imageSettings({ image_processor_type: "SiglipImageProcessorFast", size: 384 });
    expect(siglip).toMatchObject({ size: { width: 384, height: 384 }, crop: null });
    expect(imageSettings({ image_processor_type: "ViTImageProcessor" })!.filter).toBe("bilinear");
  });

  test("other processors are left to transformers.js", () => {
    expect(imageSettings({ image_processor_type: "PixtralImageProcessor" })).toBeUndefined();
  });

  test.each([
    ["do_pad", { do_pad: true }],
    ["do_flip_channel_order", { do_flip_channel_order: true }],
    ["tile_size", { tile_size: 3 }],
    ["resample", { resample: 9 }],
    ["size", { size: { longest_edge: 64 } }],
    ["crop_size", { crop_size: { width: 0, height: 64 } }],
    ["image_std", { image_std: [1, 0, 1] }],
    ["rescale_factor", { rescale_factor: "1/255" }],
  ])("%s is refused by name where it is not understood", (field, content) => {
    expect(() => settings(content)).toThrow(`preprocessor_config.json: ${field}`);
  });

  test("what is switched off, or says nothing about pixels, is no matter", () => {
    expect(() =>
      settings({ do_pad: false, pad_size: null, _x: 1, processor_class: "X" }),
    ).not.toThrow();
  });
});
