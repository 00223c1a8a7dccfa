import { crc32 } from "node:zlib";
import sharp from "sharp";
import type { SeededRandom } from "../../src/math/seeded-random.js";
import type { Stock } from "./image-stocks.js";
import { pick } from "./mutated.js";

const SIDES = [
  0,
  1,
  2,
  7,
  1000,
  10_000,
  16_383,
  60_000,
  65_535,
  99_999,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 32 - 1,
];

/** An image whose header says what its data do not hold: another size, or other lengths of its parts. */
export function lyingHeader({ name, bytes }: Stock, random: SeededRandom): Uint8Array {
  const lying = Buffer.from(bytes);
  const [width, height] = [pick(random, SIDES), pick(random, SIDES)];
  const u16 = (value: number) => value % 65_536;
  if (name.startsWith("png")) {
    const isLength = random.integer(4) === 0;
    if (isLength) lying.writeUInt32BE(width, pick(random, pngChunks(lying)));
    else {
      lying.writeUInt32BE(width, 16);
      if (random.integer(2) === 0) lying.writeUInt32BE(height, 20);
      if (random.integer(4) === 0) lying[24 + random.integer(5)] = random.integer(17);
      lying.writeUInt32BE(crc32(lying.subarray(12, 29)), 29);
    }
  } else if (name.startsWith("jpeg")) {
    // Start of frame: length, bits, height, width.
    const at = [0xc0, 0xc2]
      .map((kind) => lying.indexOf(Buffer.of(0xff, kind, 0)))
      .find((i) => i > 0);
    if (at === undefined) return lying;
    if (random.integer(2) === 0) lying.writeUInt16BE(u16(height), at + 5);
    lying.writeUInt16BE(u16(width), at + 7);
  } else if (name.startsWith("gif")) {
    const at = random.integer(2) === 0 ? 6 : lying.indexOf(0x2c, 13) + 5;
    if (at + 4 > lying.length) return lying;
    lying.writeUInt16LE(u16(width), at);
    lying.writeUInt16LE(u16(height), at + 2);
  } else if (name.startsWith("webp")) {
    const at = lying.indexOf("VP8X");
    if (at > 0 && random.integer(2) === 0) {
      lying.writeUIntLE(width % 2 ** 24, at + 12, 3);
      lying.writeUIntLE(height % 2 ** 24, at + 15, 3);
    } else lying.writeUInt32LE(width, random.integer(2) === 0 ? 4 : 16);
  } else {
    // Sizes stand at many places in TIFF and AVIF: any four bytes in the first hundred, or the last.
    const near = Math.min(100, lying.length - 4);
    if (near <= 0) return lying;
    const at =
      random.integer(2) === 0 ? random.integer(near) : lying.length - 4 - random.integer(near);
    lying.writeUInt32LE(random.integer(2) === 0 ? width : height, at);
  }
  return lying;
}

/** Where the chunks of a PNG begin. */
function pngChunks(bytes: Buffer): number[] {
  const places: number[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) places.push(at);
  return places;
}

const EXTREME: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 50],
  [1, 51],
  [51, 1],
  [1, 10_000],
  [1, 60_000],
  [60_000, 1],
  [20, 1000],
  [16_000, 320],
  [2000, 2000],
];
/** At the limit of the gate, above it, and below. */
const HUGE: readonly (readonly [number, number])[] = [
  [10_000, 10_000],
  [10_001, 10_000],
  [7000, 4000],
  [32_000, 640],
];

/** A file that is as large or thin as it says, and small nevertheless. */
export async function extremeImage(random: SeededRandom): Promise<Stock> {
  return blank(pick(random, EXTREME), random.integer(3) === 0 ? "jpeg" : "png");
}

/** Files of very many pixels, which take some seconds to make. */
export async function hugeImages(): Promise<Stock[]> {
  const made: Stock[] = [];
  for (const size of HUGE) made.push(await blank(size, "png"));
  return made;
}

async function blank(
  [width, height]: readonly [number, number],
  format: "png" | "jpeg",
): Promise<Stock> {
  const canvas = { width, height, channels: 3, background: "#123456" } as const;
  const image = sharp({ create: canvas, limitInputPixels: false });
  const file = format === "jpeg" ? image.jpeg() : image.png({ compressionLevel: 1 });
  return { name: `${format} of ${width} x ${height}`, bytes: await file.toBuffer() };
}
