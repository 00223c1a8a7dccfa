import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseRows, readDataFile, readShaped } from "../eval/index.js";
import { DatasetError, type Demonstration } from "../index.js";

const SCHEMA = z.object({
  image: z.string().min(1),
  text: z.string().min(1).default("Describe the image."),
  caption: z.string().min(1),
  hallucinated: z.string().min(1),
});

/**
 * Reads demonstrations for `steer fit`: one JSON object a line with `image` (a file in `folder`), `caption` (true),
 * `hallucinated` (the same with absent things put in) and, optionally, `text` (what was asked).
 *
 * @throws DatasetError naming file and line of a row that does not fit, has equal captions or no image file
 */
export async function readDemonstrations(path: string, folder: string): Promise<Demonstration[]> {
  const { name, text } = await readDataFile(path);
  const rows = readShaped(parseRows(text, name), SCHEMA);
  const demonstrations: Demonstration[] = [];
  for (const { value, where } of rows) {
    if (value.caption.trim() === value.hallucinated.trim()) {
      throw new DatasetError(
        `${where}: caption and hallucinated are equal; expected them to differ`,
      );
    }
    const image = join(folder, value.image);
    const found = await stat(image).catch(() => undefined);
    if (found?.isFile() !== true) {
      throw new DatasetError(`${where}: image ${image} is missing; check --images`);
    }
    const { caption, hallucinated } = value;
    demonstrations.push({ image, prompt: value.text, caption, hallucinated });
  }
  return demonstrations;
}
