import { z } from "zod";
import { type DataFile, parseJson, readObjectAnnotations } from "../../eval/index.js";

/** A thing in an image, as far as it is known. */
export interface SceneObject {
  readonly name: string;
  readonly colour?: string | null | undefined;
  /** Its centre, in any unit, from the top left. */
  readonly x?: number | undefined;
  readonly y?: number | undefined;
}

/** What an image shows. */
export interface Scene {
  readonly objects: readonly SceneObject[];
  /** What stands or acts together how: subject, words between, object. Left out where nobody has said. */
  readonly relations?: readonly (readonly [string, string, string])[] | undefined;
}

const object = z.object({
  name: z.string().min(1),
  colour: z.string().nullish(),
  x: z.number().optional(),
  y: z.number().optional(),
});
const text = z.string().min(1);
const scenes = z.record(
  z.string(),
  z.object({
    objects: z.array(object),
    relations: z.array(z.tuple([text, text, text])).optional(),
  }),
);

/**
 * The truth about images: `{image: {objects: [{name, colour, x, y}], relations: [[subject, words, object]]}}`, or objects
 * alone in the forms that evaluation reads ({image: [names]}, COCO instances).
 *
 * @throws DatasetError when the file has none of these forms
 */
export function readScenes(file: DataFile): ReadonlyMap<string, Scene> {
  const { data } = scenes.safeParse(parseJson(file.text, file.name));
  if (data !== undefined) return new Map(Object.entries(data));
  const names = readObjectAnnotations(file);
  return new Map(
    [...names].map(([image, objects]) => [image, { objects: objects.map((name) => ({ name })) }]),
  );
}
