import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";

/**
 * Where a fake model, to which a path stands for its own bytes, finds images: as bright as the letter z (122 of 255), which
 * noise of the last step takes to 0.13.
 */
export const BRIGHT: string = "z".repeat(200);

/** A new folder in the form of the pocket bench: its files, and grey images of these names. Whoever makes it removes it. */
export async function benchFolder(
  images: readonly string[],
  files: Readonly<Record<string, readonly object[] | object>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  await mkdir(join(folder, "images"));
  const background = { r: 230, g: 230, b: 230 };
  for (const name of images) {
    await sharp({ create: { width: 12, height: 12, channels: 3, background } })
      .png()
      .toFile(join(folder, "images", name));
  }
  for (const [name, content] of Object.entries(files)) {
    const text = Array.isArray(content)
      ? content.map((row, i) => JSON.stringify({ question_id: i + 1, ...row })).join("\n")
      : JSON.stringify(content);
    await writeFile(join(folder, name), text);
  }
  return folder;
}
