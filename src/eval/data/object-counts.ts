import type { ObjectsByImage } from "./read-object-annotations.js";

/** How often objects occur in a set of images, and together. */
export interface ObjectCounts {
  /** Images of each object. */
  readonly frequency: ReadonlyMap<string, number>;
  /** For each object, the images it shares with each other one; those that never meet are absent. */
  readonly together: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** P(other | object): the share of an object's images that show the other one too; 0 for unknown names. */
  share(object: string, other: string): number;
  /**
   * Objects that are absent, by how strongly the present ones call for them: the largest P(absent | present). Ties by
   * name; those that never occur with any of them are left out.
   */
  partners(present: readonly string[]): readonly AbsentPartner[];
}

/** An object that is absent, and how strongly what is there calls for it. */
export interface AbsentPartner {
  readonly object: string;
  /** The largest P(object | present), above 0. */
  readonly strength: number;
}

/** Counts objects and pairs of objects over the images of a set. */
export function countObjects(annotations: ObjectsByImage): ObjectCounts {
  const frequency = new Map<string, number>();
  const together = new Map<string, Map<string, number>>();
  for (const names of annotations.values()) {
    for (const name of names) {
      frequency.set(name, (frequency.get(name) ?? 0) + 1);
      const others = together.get(name) ?? new Map<string, number>();
      together.set(name, others);
      for (const other of names) {
        if (other !== name) others.set(other, (others.get(other) ?? 0) + 1);
      }
    }
  }
  const share = (object: string, other: string) =>
    (together.get(object)?.get(other) ?? 0) / (frequency.get(object) ?? 1);
  return {
    frequency,
    together,
    share,
    partners: (present) =>
      [...frequency.keys()]
        .filter((object) => !present.includes(object))
        .map((object) => ({
          object,
          strength: Math.max(0, ...present.map((name) => share(name, object))),
        }))
        .filter(({ strength }) => strength > 0)
        .sort((a, b) => b.strength - a.strength || (a.object < b.object ? -1 : 1)),
  };
}
