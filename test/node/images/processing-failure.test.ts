import { expect, test, vi } from "vitest";
import { DatasetError, load } from "../../../src/index.js";
import { CHECKPOINTS } from "../../global-setup.js";

vi.mock("../../../src/node/images/image-processor.js", () => ({
  loadImageProcessor: async () => async () => {
    throw new RangeError("affine: output coordinates out of range");
  },
}));

test("an image that the checkpoint's processor cannot process is named, as a fault of the data", async () => {
  await using model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const image = { data: new Uint8Array(300), width: 10, height: 10, channels: 3 } as const;
  const failing = model.generate({ prompt: "?", image });
  await expect(failing).rejects.toThrow(DatasetError);
  await expect(failing).rejects.toThrow("cannot process image pixels: affine");
});
