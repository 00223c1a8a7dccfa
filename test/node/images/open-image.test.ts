import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DatasetError, InvalidArgumentError } from "../../../src/errors.js";
import { openImage } from "../../../src/node/images/open-image.js";

/** 4 x 2 pixels: a red left half, a blue right half. */
const RED_BLUE = Buffer.from([0, 1].flatMap(() => [255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255]));
const raw = () => sharp(RED_BLUE, { raw: { width: 4, height: 2, channels: 3 } });
const pixel = ({ data, width }: { data: ArrayLike<number>; width: number }, x: number, y: number) =>
  [0, 1, 2].map((channel) => data[(y * width + x) * 3 + channel]);
const decode = async (bytes: Uint8Array) => (await openImage(bytes)).decode();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("formats come out as upright 8-bit RGB", () => {
  test("PNG, from bytes, path and file URL, with one identity", async () => {
    const png = await raw().png().toBuffer();
    const path = join(folder, "a b.png");
    await writeFile(path, png);
    const opened = [
      await openImage(png),
      await openImage(path),
      await openImage(pathToFileURL(path)),
    ];
    expect(new Set(opened.map(({ key }) => key)).size).toBe(1);
    for (const image of opened) expect(Buffer.from((await image.decode()).data)).toEqual(RED_BLUE);
  });

  test("opacity is composed over white", async () => {
    const clear = await sharp({
      create: { width: 1, height: 1, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect(pixel(await decode(clear), 0, 0)).toEqual([255, 255, 255]);
  });

  test("EXIF rotation is applied", async () => {
    const turned = await raw().withMetadata({ orientation: 6 }).png().toBuffer();
    const image = await decode(turned);
    expect([image.width, image.height]).toEqual([2, 4]);
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0]);
    expect(pixel(image, 0, 3)).toEqual([0, 0, 255]);
  });

  test("16-bit keeps its brightness", async () => {
    const grey = new Uint16Array([0, 32768, 65535, 16384]);
    const png = await sharp(grey, { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe("ushort");
    const image = await decode(png);
    for (const [x, expected] of [0, 128, 255, 64].entries()) {
      const [r, g, b] = pixel(image, x, 0) as [number, number, number];
      expect(Math.abs(r - expected)).toBeLessThan(3);
      expect([g, b]).toEqual([r, r]);
    }
  });

  test("grey becomes RGB", async () => {
    const image = await decode(await raw().greyscale().png().toBuffer());
    expect(image.data).toHaveLength(24);
  });

  test("CMYK is converted", async () => {
    const jpeg = await raw()
      .resize(32, 16, { kernel: "nearest" })
      .toColourspace("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe("cmyk");
    const image = await decode(jpeg);
    const [r, g, b] = pixel(image, 2, 8) as [number, number, number];
    expect(r).toBeGreaterThan(180);
    expect(Math.max(g, b)).toBeLessThan(90);
  });

  test("an animated GIF gives its first frame", async () => {
    const frames = Buffer.concat([RED_BLUE, Buffer.alloc(24, 0)]);
    const gif = await sharp(frames, { raw: { width: 4, height: 4, channels: 3, pageHeight: 2 } })
      .gif()
      .toBuffer();
    expect((await sharp(gif, { animated: true }).metadata()).pages).toBe(2);
    const image = await decode(gif);
    expect([image.width, image.height]).toEqual([4, 2]);
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0]);
  });

  test("one pixel is an image", async () => {
    const dot = await raw()
      .extract({ left: 0, top: 0, width: 1, height: 1 })
      .webp({ lossless: true })
      .toBuffer();
    expect(await decode(dot)).toMatchObject({ width: 1, height: 1 });
  });

  test("pixels are taken as they are, opacity composed, grey spread", async () => {
    const one = { width: 1, height: 1 };
    const open = async (data: number[], channels: 1 | 3 | 4) => [
      ...(await (await openImage({ ...one, data: Uint8Array.from(data), channels })).decode()).data,
    ];
    expect(await open([1, 2, 3], 3)).toEqual([1, 2, 3]);
    expect(await open([9], 1)).toEqual([9, 9, 9]);
    expect(await open([0, 0, 0, 51], 4)).toEqual([204, 204, 204]);
  });
});

describe("what is no image is refused by name", () => {
  const refused = async (name: string, content: Uint8Array | string) => {
    const path = join(folder, name);
    await writeFile(path, content);
    const decoding = openImage(path).then((image) => image.decode());
    await expect(decoding).rejects.toThrow(DatasetError);
    await expect(decoding).rejects.toThrow(name);
    return decoding.catch((error: Error) => error.message);
  };

  test("an empty file", async () => {
    expect(await refused("empty.png", "")).toContain("it is empty");
  });

  test("text named .png", async () => {
    expect(await refused("text.png", "hello, I am text")).toContain("not an image");
  });

  test.each(["png", "jpeg", "webp", "gif", "tiff", "avif"] as const)(
    "a %s that is cut off, in words that need no library's name",
    async (format) => {
      const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
      const file = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        .toFormat(format)
        .toBuffer();
      for (const bytes of [file.subarray(0, file.length / 2), file.subarray(0, 30)]) {
        const message = await refused(`cut.${format}`, bytes);
        expect(message).toMatch(
          /cut\.\w+: it is cut off or damaged(, or of a kind that is not read)?; get it or save it anew$/,
        );
      }
      const cause = await openImage(file.subarray(0, 30)).catch((error: Error) => error.cause);
      expect(String(cause)).not.toContain("cut off");
    },
  );

  test("20000 x 20000 pixels, before they are decoded", async () => {
    const huge = await sharp({
      create: { width: 20_000, height: 20_000, channels: 3, background: "#fff" },
      limitInputPixels: false,
    })
      .png({ compressionLevel: 1 })
      .toBuffer();
    expect(await refused("huge.png", huge)).toContain("more than 100 million pixels");
  });

  test("a missing file and a folder", async () => {
    await expect(openImage(join(folder, "nope.png"))).rejects.toThrow("there is no such file");
    await expect(openImage(folder)).rejects.toThrow("it is a folder");
  });

  test("pixels of the wrong length", async () => {
    const wrong = { data: new Uint8Array(5), width: 1, height: 1, channels: 3 } as const;
    await expect(openImage(wrong)).rejects.toThrow(InvalidArgumentError);
  });
});
