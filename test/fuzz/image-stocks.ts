import sharp from "sharp";

/** Stands in the content of every stock: what must never be seen in a message. */
export const SECRET = "pAyLoAd-0f-an-iMaGe";

/** An image file that is whole, or none of the formats that are read. */
export interface Stock {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Small images in every format that is read, in its kinds; and files of formats that are not. */
export async function imageStocks(): Promise<Stock[]> {
  const noise = Uint8Array.from({ length: 23 * 17 * 4 }, (_, i) => (i * 7919 + (i >> 5)) % 256);
  const raw = { width: 23, height: 17, channels: 4 } as const;
  // With what files carry besides their pixels, the secret among it.
  const picture = () =>
    sharp(noise, { raw })
      .keepIccProfile()
      .withExif({ IFD0: { Copyright: SECRET, Orientation: "6" } });
  const frames = sharp(noise.subarray(0, 23 * 16 * 4), {
    raw: { width: 23, height: 16, channels: 4, pageHeight: 8 },
  });
  const grey = sharp(noise.subarray(0, 23 * 17), { raw: { ...raw, channels: 1 } });
  const files: Record<string, Promise<Buffer>> = {
    png: picture().png().toBuffer(),
    "png, palette": picture().png({ palette: true, colours: 16 }).toBuffer(),
    "png, interlaced": picture().removeAlpha().png({ progressive: true }).toBuffer(),
    "png, 16 bits": picture().toColourspace("rgb16").png().toBuffer(),
    "png, grey": grey.clone().toColourspace("b-w").png().toBuffer(),
    jpeg: picture().jpeg().toBuffer(),
    "jpeg, progressive": picture().jpeg({ progressive: true }).toBuffer(),
    "jpeg, cmyk": picture().removeAlpha().toColourspace("cmyk").jpeg().toBuffer(),
    "jpeg, grey": grey.clone().toColourspace("b-w").jpeg().toBuffer(),
    webp: picture().webp().toBuffer(),
    "webp, lossless": picture().webp({ lossless: true }).toBuffer(),
    "webp, frames": frames.clone().webp({ loop: 0 }).toBuffer(),
    gif: picture().gif().toBuffer(),
    "gif, frames": frames.clone().gif().toBuffer(),
    tiff: picture().tiff({ compression: "lzw" }).toBuffer(),
    "tiff, jpeg": picture().removeAlpha().tiff({ compression: "jpeg" }).toBuffer(),
    "tiff, tiles": picture().tiff({ tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
    avif: picture().avif({ effort: 0 }).toBuffer(),
  };
  const made = await Promise.all(
    Object.entries(files).map(async ([name, bytes]) => ({ name, bytes: await bytes })),
  );
  return [...made, ...others()];
}

function others(): Stock[] {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!--${SECRET}--><image href="/etc/hostname" width="9" height="9"/></svg>`;
  const texts: Record<string, string> = {
    svg,
    "svg, with a doctype": `<!DOCTYPE svg [<!ENTITY a "${SECRET}">]>${svg}`,
    pdf: `%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj ${SECRET}`,
    html: `<!doctype html><title>${SECRET}</title>`,
    nothing: "",
    text: SECRET,
  };
  const files = Object.entries(texts).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  return [...files, { name: "bmp", bytes: bitmap(9, 5) }];
}

/** A BMP of 24 bits a pixel. */
function bitmap(width: number, height: number): Uint8Array {
  const stride = 4 * Math.ceil((3 * width) / 4);
  const bytes = Buffer.alloc(54 + stride * height, 90);
  bytes.fill(0, 0, 54).write("BM", "latin1");
  bytes.writeUInt32LE(bytes.length, 2);
  for (const [at, value] of [
    [10, 54],
    [14, 40],
    [18, width],
    [22, height],
    [34, stride * height],
  ] as const) {
    bytes.writeUInt32LE(value, at);
  }
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  bytes.write(SECRET, 54);
  return bytes;
}
