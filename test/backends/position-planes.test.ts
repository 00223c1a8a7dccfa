import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Tensors } from "../../src/backends/onnx/runtime.js";
import { ORIGINAL_IMAGE } from "../../src/engine/image-variant.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import type { ViewPart } from "../../src/engine/view.js";
import type { ModelFamily, ProcessedImage } from "../../src/families/family.js";
import { LocalModel } from "../../src/model/local-model.js";
import { CACHES, ids, image } from "../engine/asked.js";
import type { FakeCache } from "./fake-decoder.js";
import { fakeOnnxParts } from "./fake-onnx.js";
import { watched } from "./watched.js";

const GRID = BigInt64Array.of(1n, 2n, 2n);
const SEEN = Uint8Array.of(1, 0);

interface PlanesModel {
  readonly backend: OnnxBackend;
  readonly model: LocalModel;
  /** `position_ids` of each run of the decoder: shape and numbers. */
  readonly positions: { readonly dims: readonly number[]; readonly data: readonly number[] }[];
  readonly visionFeeds: Tensors[];
}

/**
 * A family with three planes of positions, as multimodal rotary embeddings have: an image's 2 x 2 tokens share one time
 * and have row and column of their own, and text goes on behind the largest. Its encoder takes a grid and a mask.
 */
function planesModel(
  cache: FakeCache = { pastLayout: "masked", returnsNewRows: true },
): PlanesModel {
  const positions: { dims: readonly number[]; data: readonly number[] }[] = [];
  const visionFeeds: Tensors[] = [];
  const parts = fakeOnnxParts({ respond: () => "ok", cache });
  const { vision, decoder } = parts.graphs;
  const backend = new OnnxBackend({
    ...parts,
    family: { ...parts.family, layOut: withPlanes(parts.family.layOut) },
    graphs: {
      ...parts.graphs,
      vision: {
        ...vision,
        session: watched(vision.session, (feeds) => {
          visionFeeds.push(feeds);
        }),
      },
      decoder: {
        ...decoder,
        session: watched(decoder.session, ({ position_ids }) => {
          const { dims, data } = position_ids!;
          positions.push({ dims, data: [...(data as BigInt64Array)].map(Number) });
        }),
      },
    },
    async openImage(source, signal) {
      const opened = await parts.openImage(source, signal);
      const process = async (): Promise<ProcessedImage> => ({
        ...(await opened.process()),
        inputs: { image_grid_thw: { data: GRID, dims: [1, 3] }, mask: { data: SEEN, dims: [2] } },
      });
      return { ...opened, process };
    },
  });
  return { backend, model: new LocalModel(backend), positions, visionFeeds };
}

function withPlanes(layOut: ModelFamily["layOut"]): ModelFamily["layOut"] {
  return (turns, images, tools) => {
    const layout = layOut(turns, images, tools);
    const planes: number[][] = [[], [], []];
    let next = 0;
    layout.tokens.forEach((_, i) => {
      const span = layout.images.find(({ start, end }) => i >= start && i < end);
      const place = span === undefined ? 0 : i - span.start;
      const grid = span === undefined ? [0, 0, 0] : [0, Math.floor(place / 2), place % 2];
      for (const [p, plane] of planes.entries()) plane.push(next + grid[p]!);
      if (span === undefined) next++;
      else if (i === span.end - 1) next += 2;
    });
    return {
      ...layout,
      positions: { planes: planes.map((plane) => Int32Array.from(plane)), next },
    };
  };
}

const ask = { image, prompt: "?", maxTokens: 2 };
/** Positions of "?", the answer mark and the answer, behind <begin> at 0 and the image at 1 and 2. */
const TEXT = Array.from({ length: "?\nMODEL:".length }, (_, i) => 3 + i);

test("planes reach the graph as (planes, B, S), in every piece of the prompt, and go on at `next`", async () => {
  const { model, positions } = planesModel();
  await model.generate(ask);
  const end = 3 + TEXT.length;
  expect(positions).toEqual([
    {
      dims: [3, 1, 5],
      data: [
        [0, 1, 1, 1, 1],
        [0, 1, 1, 2, 2],
        [0, 1, 2, 1, 2],
      ].flat(),
    },
    { dims: [3, 1, TEXT.length], data: [...TEXT, ...TEXT, ...TEXT] },
    { dims: [3, 1, 1], data: [end, end, end] },
  ]);
});

test("in a batch each plane holds a row for each context, padded on the left", async () => {
  const { backend, positions } = planesModel();
  const opened = await backend.openImage(image, undefined);
  const shown = { type: "image", image: 0, variant: ORIGINAL_IMAGE } as const;
  const layOut = (parts: readonly ViewPart[]) =>
    backend.layOut({ view: [{ role: "user", parts }] }, [opened], false);
  const prompts = [
    await layOut([shown, { type: "text", text: "?" }]),
    await layOut([{ type: "text", text: "Hi" }]),
  ];
  const results = await backend.open(prompts.map((prompt) => ({ prompt, maxTokens: 4 })));
  const text = Array.from({ length: 1 + "Hi\nMODEL:".length }, (_, i) => i);
  const padded = [...Array.from({ length: text.length - TEXT.length }, () => 0), ...TEXT];
  expect(positions.slice(1)).toEqual([
    { dims: [3, 2, text.length], data: [padded, text, padded, text, padded, text].flat() },
  ]);
  const steps = results.flatMap((result) =>
    "context" in result ? [{ context: result.context, token: 111 }] : [],
  );
  await backend.extend(steps);
  await backend.extend(steps);
  const next = [3 + TEXT.length, text.length];
  const after = next.map((position) => position + 1);
  expect(positions.slice(2)).toEqual([
    { dims: [3, 2, 1], data: [next, next, next].flat() },
    { dims: [3, 2, 1], data: [after, after, after].flat() },
  ]);
});

test.each(CACHES)(
  "a batch is answered as each alone: $pastLayout, new rows $returnsNewRows",
  async (cache) => {
    const requests: GenerateRequest[] = [
      { ...ask, maxTokens: 6 },
      { prompt: "Hello", maxTokens: 9 },
      { ...ask, prompt: "What is this?" },
    ];
    const alone: number[][] = [];
    for (const request of requests)
      alone.push(ids(await planesModel(cache).model.generate(request)));
    expect((await planesModel(cache).model.generateBatch(requests)).map(ids)).toEqual(alone);
  },
);

test("an image's other inputs reach the vision encoder by name, with their types", async () => {
  const { model, visionFeeds } = planesModel();
  await model.generate(ask);
  expect(visionFeeds).toHaveLength(1);
  const { image_grid_thw: grid, mask, pixel_values: pixels } = visionFeeds[0]!;
  expect(grid).toMatchObject({ type: "int64", dims: [1, 3], data: GRID });
  expect(mask).toMatchObject({ type: "bool", dims: [2], data: SEEN });
  expect(pixels).toMatchObject({ type: "float32", dims: [1, 3] });
});
