import { z } from "zod";
import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";
import { parseJson } from "./parse-rows.js";
import { shownValue } from "./shown-value.js";

const coco = z.object({
  images: z.array(z.object({ id: z.number(), file_name: z.string().min(1) })),
  annotations: z.array(z.object({ image_id: z.number(), category_id: z.number() })),
  categories: z.array(z.object({ id: z.number(), name: z.string().min(1) })),
});
const scene = z.object({ objects: z.array(z.object({ name: z.string().min(1) })) });
const names = z.array(z.string().min(1));

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
  const entries = entriesOf(value);
  const plain = entriesAs(entries, names);
  if (plain !== null) return distinct(plain);
  const scenes = entriesAs(entries, scene);
  if (scenes !== null) {
    return distinct(scenes.map(([image, { objects }]) => [image, objects.map((o) => o.name)]));
  }
  throw new DatasetError(
    `${file.name}: expected COCO instances, {image: {objects: [{name}]}} or {image: [names]}`,
  );
}

/**
 * Names by image from {image: [names]}, as they stand.
 *
 * @throws DatasetError naming the first image whose value is no list of names
 */
export function readNamesByImage(file: DataFile): Map<string, readonly string[]> {
  const entries = entriesOf(parseJson(file.text, file.name));
  const expected = "expected an object from image to a list of object names";
  if (entries === null) throw new DatasetError(`${file.name}: ${expected}`);
  return new Map(
    entries.map(([image, value]) => {
      const list = z.array(z.string()).safeParse(value);
      if (list.success) return [image, list.data];
      throw new DatasetError(`${file.name}: ${expected}; ${image}: received ${shownValue(value)}`);
    }),
  );
}

/** Also the entry `__proto__`, which a schema of records leaves out. */
function entriesOf(value: unknown): [string, unknown][] | null {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? Object.entries(value) : null;
}

function entriesAs<T>(
  entries: readonly [string, unknown][] | null,
  schema: z.ZodType<T>,
): [string, T][] | null {
  if (entries === null) return null;
  const read = entries.map(([key, value]) => ({ key, result: schema.safeParse(value) }));
  const good = read.flatMap(({ key, result }): [string, T][] =>
    result.success ? [[key, result.data]] : [],
  );
  return good.length === read.length ? good : null;
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
