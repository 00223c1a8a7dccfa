import { DatasetError } from "groundsight";
import { expect, test } from "vitest";
import type { OpenedImage } from "../../src/engine/backend.js";
import { openImages } from "../../src/engine/open-images.js";

const backend = {
  openImage: async (source: unknown): Promise<OpenedImage> => {
    if (source === "broken.png") throw new DatasetError("cannot decode image broken.png");
    return source as OpenedImage;
  },
};

test("of several images the one that cannot be read is told by its number", async () => {
  const open = (...names: string[]) => openImages(backend, names, undefined);
  expect(await open("a.png", "b.png")).toEqual(["a.png", "b.png"]);
  await expect(open("a.png", "broken.png")).rejects.toThrow(
    /^image 2 of 2: cannot decode image broken\.png$/,
  );
  await expect(open("broken.png")).rejects.toThrow(/^cannot decode image broken\.png$/);
});
