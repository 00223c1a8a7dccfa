import { describe, expect, test } from "vitest";
import { ModelLoadError } from "../../../src/errors.js";
import { tileImage } from "../../../src/node/images/tile-image.js";
import { tileSettings } from "../../../src/node/images/tile-settings.js";

const SMOLVLM = {
  image_processor_type: "SmolVLMImageProcessor",
  size: { longest_edge: 64 },
  max_image_size: { longest_edge: 16 },
};

describe("settings of tiles", () => {
  test("are taken from the file, or are what the processors do by themselves", () => {
    expect(tileSettings(SMOLVLM)).toEqual({
      longestEdge: 64,
      tile: 16,
      splits: true,
      filter: "lanczos",
      factor: 1 / 255,
      mean: [0.5, 0.5, 0.5],
      deviation: [0.5, 0.5, 0.5],
    });
    const plain = { do_resize: false, do_rescale: false, do_normalize: false };
    const { longestEdge, factor, mean } = tileSettings({ ...SMOLVLM, ...plain })!;
    expect([longestEdge, factor, mean]).toEqual([null, 1, [0, 0, 0]]);
    for (const type of ["Idefics3ImageProcessor", "Idefics3ImageProcessorFast"])
      expect(tileSettings({ image_processor_type: type })).toMatchObject({ tile: 364 });
    expect(tileSettings({ image_processor_type: "CLIPImageProcessor" })).toBeUndefined();
  });

  test.each([
    [{ size: { shortest_edge: 64 } }, "size: received"],
    [{ max_image_size: 16 }, "max_image_size: received 16"],
    [{ resample: 9 }, "resample: received 9"],
    [{ image_std: [0.5, 0, 0.5] }, "image_std: received [0.5,0,0.5]; expected more than 0"],
    [{ do_sharpen: true }, "do_sharpen is not understood"],
  ])("that are wrong, or not known, are refused by name (%#)", (wrong, message) => {
    const read = () => tileSettings({ ...SMOLVLM, ...wrong });
    expect(read).toThrow(ModelLoadError);
    expect(read).toThrow(message);
  });

  test("that say nothing of a single image are passed over", () => {
    const inert = { do_pad: true, return_row_col_info: true, video_sampling: { fps: 1 } };
    expect(tileSettings({ ...SMOLVLM, ...inert })).toEqual(tileSettings(SMOLVLM));
  });
});

test.each([
  [20, 10, 4, 2, 9],
  [10, 20, 2, 4, 9],
  [7, 7, 4, 4, 17],
])(
  "an image of %d x %d pixels is cut into whole tiles and shown whole behind them",
  async (width, height, columns, rows, tiles) => {
    const data = new Uint8Array(width * height * 3).fill(255);
    const made = await tileImage({ data, width, height }, tileSettings(SMOLVLM)!);
    expect([made.columns, made.rows]).toEqual([columns, rows]);
    expect(made.pixels.dims).toEqual([1, tiles, 3, 16, 16]);
    expect(made.pixels.data.every((value) => value === 1)).toBe(true);
    const whole = await tileImage(
      { data, width, height },
      { ...tileSettings(SMOLVLM)!, splits: false },
    );
    expect([whole.rows, whole.columns, whole.pixels.dims[1]]).toEqual([0, 0, 1]);
  },
);
