import { expect, test } from "vitest";
import { imageSettings } from "../../../src/node/images/image-settings.js";
import { shownArea } from "../../../src/node/images/process-image.js";

const settings = (more: object) =>
  imageSettings({ image_processor_type: "CLIPImageProcessor", ...more })!;

test("a cropped image shows its middle, one that is squeezed all of it", () => {
  const cropping = settings({ size: { shortest_edge: 100 }, crop_size: 100 });
  expect(shownArea({ width: 800, height: 400 }, cropping)).toEqual({
    ...{ left: 0.25, top: 0, right: 0.75, bottom: 1 },
  });
  const squeezing = settings({ size: { width: 100, height: 100 }, do_center_crop: false });
  expect(shownArea({ width: 800, height: 400 }, squeezing)).toEqual({
    ...{ left: 0, top: 0, right: 1, bottom: 1 },
  });
  const padding = settings({ do_resize: false, crop_size: 100 });
  expect(shownArea({ width: 50, height: 200 }, padding)).toEqual({
    ...{ left: -0.5, top: 0.25, right: 1.5, bottom: 0.75 },
  });
});
