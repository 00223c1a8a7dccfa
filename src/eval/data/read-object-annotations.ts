import { z } from "zod";
import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";
import { parseJson } from "./parse-rows.js";

const coco = z.object({
  images: z.array(z.object({ id: z.number(), file_name: z.string().min(1) })),
  annotations: z.array(z.object({ image_id: z.number(), category_id: z.number() })),
  categories: z.array(z.object({ id: z.number(), name: z.string().min(1) })),
});
const scenes = z.record(
  z.string(),
  z.object({ objects: z.array(z.object({ name: z.string().min(1) })) }),
);
const byImage = z.record(z.string(), z.array(z.string().min(1)));

/** Names of the objects in each image, without repeats, in the order first annotated. */
export type ObjectsByImage = ReadonlyMap<string, readonly string[]>;

/**
 * Object annotations from COCO's instances JSON, from scenes ({image: {objects: [{name}]}}), or from a
 * plain {image: [names]}. Images without objects are kept.
 *
 * @throws DatasetError when the file has none of these shapes, or an annotation names an unknown image
 *   or category
 */
export function readObjectAnnotations(file: DataFile): ObjectsByImage {
  const value = parseJson(file.text, file.name);
  const instances = coco.safeParse(value);
  if (instances.success) return fromCoco(instances.data, file.name);
  const plain = byImage.safeParse(value);
  if (plain.success) return distinct(Object.entries(plain.data));
  const scene = scenes.safeParse(value);
  if (scene.success) {
    return distinct(
      Object.entries(scene.data).map(([image, { objects }]) => [image, objects.map((o) => o.name)]),
    );
  }
  throw new DatasetError(
    `${file.name}: expected COCO instances, {image: {objects: [{name}]}} or {image: [names]}`,
  );
}

function fromCoco(data: z.infer<typeof coco>, file: string): ObjectsByImage {
  const names = new Map(data.categories.map(({ id, name }) => [id, name]));
  const objects = new Map(data.images.map(({ id }): [number, string[]] => [id, []]));
  for (const [index, { image_id, category_id }] of data.annotations.entries()) {
    const name = names.get(category_id);
    const list = objects.get(image_id);
    if (name === undefined || list === undefined) {
      const unknown = name === undefined ? `category ${category_id}` : `image ${image_id}`;
      throw new DatasetError(`${file}: annotation ${index + 1} names the unknown ${unknown}`);
    }
    list.push(name);
  }
  return distinct(data.images.map(({ id, file_name }) => [file_name, objects.get(id) ?? []]));
}

function distinct(entries: readonly (readonly [string, readonly string[]])[]): ObjectsByImage {
  return new Map(entries.map(([image, names]) => [image, [...new Set(names)]]));
}
