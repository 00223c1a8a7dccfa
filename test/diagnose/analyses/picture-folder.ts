import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";

/** Side of the pictures in pixels. */
const SIDE = 8;

/**
 * A folder in the form of the pocket bench; whoever makes it removes it.
 *
 * @param pictures grey levels of 8 x 8 pixels, by name
 * @param files texts, or values that are written as JSON
 */
export async function pictureFolder(
  pictures: Readonly<Record<string, (x: number, y: number) => number>>,
  files: Readonly<Record<string, unknown>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "groundsight-pictures-"));
  await mkdir(join(folder, "images"));
  for (const [name, greyAt] of Object.entries(pictures)) {
    const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) =>
      greyAt(Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)),
    );
    const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
    await sharp(data, { raw })
      .png()
      .toFile(join(folder, "images", name));
  }
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(join(folder, name), text);
  }
  return folder;
}
