import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Model } from "groundsight";
import { buildIndex, openIndex, readTuningSamples, type TuningSample } from "groundsight/diagnose";
import { afterAll, describe, expect, test } from "vitest";
import { openModel } from "../../checkpoints.js";

const folder = mkdtempSync(join(tmpdir(), "groundsight-index-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const fresh = () => join(folder, `${++files}.index`);

/** Images are named by the numbers of their two tokens' features. */
function fakeModel(hash = "a".repeat(64)): Model & { readonly asked: string[] } {
  const asked: string[] = [];
  const imageFeatures = async (path: string) => {
    const name = path.split("/").at(-1)!;
    asked.push(name);
    if (name === "broken") throw new Error("no image");
    return { data: Float32Array.from(name.split("_").map(Number)), dims: [2, 2] };
  };
  return {
    asked,
    info: { id: "fake", dtype: "fp32", hiddenSize: 2 },
    hash: async () => hash,
    probe: async () => ({ imageFeatures, dispose: async () => undefined }),
  } as unknown as Model & { readonly asked: string[] };
}

const samples: TuningSample[] = ["1_0_3_0", "0_1_0_1", "1_1_1_1", "-1_0_-1_0"].flatMap((image) => [
  { image, texts: [`first of ${image}`, "second"] },
  { image, texts: ["third"] },
]);

describe("an index of samples", () => {
  test("gives the nearest images by the cosine of mean features, with all texts in order", async () => {
    const [model, path] = [fakeModel(), fresh()];
    expect(await buildIndex(model, samples, { path, images: "folder" })).toEqual({
      images: 4,
      failures: {},
    });
    await using index = await openIndex(path, model);
    const near = await index.nearest("2_1_2_1", 3);
    const cosine = (x: number, y: number) => (2 * x + y) / Math.hypot(2, 1) / Math.hypot(x, y);
    expect(near.map(({ image }) => image)).toEqual(["1_1_1_1", "1_0_3_0", "0_1_0_1"]);
    [cosine(1, 1), cosine(1, 0), cosine(0, 1)].forEach((expected, i) => {
      expect(near[i]!.similarity).toBeCloseTo(expected, 6);
    });
    expect(near[0]!.texts).toEqual(["first of 1_1_1_1", "second", "third"]);
    expect(await index.nearest("2_1_2_1")).toHaveLength(4);
    await expect(index.nearest("2_1_2_1", 0)).rejects.toThrow("k: received 0");
    await expect(index.nearest("0_0_0_0")).rejects.toThrow("received a mean of length 0");
  });

  test("goes on where it was stopped, and tries again what could not be read", async () => {
    const [model, path] = [fakeModel(), fresh()];
    const more = [...samples, { image: "broken", texts: ["x"] }];
    const stop = new AbortController();
    const stopped = buildIndex(model, more, {
      path,
      images: "folder",
      signal: stop.signal,
      onProgress: (done) => done === 2 && stop.abort(),
    });
    await expect(stopped).rejects.toThrow(`stopped; ${path} holds 2 of 5 images`);
    const told: string[] = [];
    const onProgress = (done: number, total: number) => told.push(`${done}/${total}`);
    const built = await buildIndex(model, more, { path, images: "folder", onProgress });
    expect(built).toEqual({ images: 4, failures: { broken: "no image" } });
    expect(told).toEqual(["3/5", "4/5", "5/5"]);
    expect(model.asked).toEqual(["1_0_3_0", "0_1_0_1", "1_1_1_1", "-1_0_-1_0", "broken"]);
    await buildIndex(model, more, { path, images: "folder" });
    expect(model.asked.slice(5)).toEqual(["broken"]);
  });

  test("belongs to its model and its samples", async () => {
    const [model, path] = [fakeModel(), fresh()];
    await buildIndex(model, samples, { path, images: "folder" });
    const other = fakeModel("b".repeat(64));
    const refusal = `an index of model fake (fp32, hash ${"a".repeat(64)}); received fake (hash ${"b".repeat(64)})`;
    await expect(openIndex(path, other)).rejects.toThrow(refusal);
    await expect(buildIndex(other, samples, { path, images: "" })).rejects.toThrow(refusal);
    const fewer = buildIndex(model, samples.slice(1), { path, images: "" });
    await expect(fewer).rejects.toThrow("an index of other samples");
    const none = [{ image: "broken", texts: ["x"] }];
    await expect(buildIndex(model, none, { path: fresh(), images: "" })).rejects.toThrow(
      "no image could be read: no image",
    );
  });

  test("files that are none are refused by name and left as they are", async () => {
    const path = fresh();
    await expect(openIndex(path, fakeModel())).rejects.toThrow(`${path}: no index; make one with`);
    writeFileSync(path, "something else, longer than a header ".repeat(1000));
    await expect(openIndex(path, fakeModel())).rejects.toThrow(
      `${path}: no index that can be used`,
    );
    const build = buildIndex(fakeModel(), samples, { path, images: "" });
    await expect(build).rejects.toThrow("name a file of 'groundsight index build'");
  });
});

test.each(["idefics3-concat", "qwen2-vl-concat"])(
  "images of %s are found by themselves",
  async (name) => {
    await using model = await openModel(name);
    const images = fileURLToPath(new URL("../../../pocket/bench/dev/images", import.meta.url));
    const path = fresh();
    const names = ["dev_000000.png", "dev_000001.png", "dev_000002.png"];
    const texts = ["x"];
    await buildIndex(
      model,
      names.map((image) => ({ image, texts })),
      { path, images },
    );
    await using index = await openIndex(path, model);
    for (const image of names) {
      const [first] = await index.nearest(join(images, image), 1);
      expect(first).toEqual({ image, similarity: expect.closeTo(1, 5), texts });
    }
  },
);

test("samples in LLaVA's form and in others; rows without a text are told", () => {
  const read = (...rows: object[]) =>
    readTuningSamples({ name: "s.jsonl", text: rows.map((row) => JSON.stringify(row)).join("\n") });
  expect(
    read(
      {
        image: "a",
        conversations: [
          { from: "human", value: "What?" },
          { from: "gpt", value: "A." },
        ],
      },
      { image: "b", prompt: "P", text: "T", questions: [{ text: "Q", answer: "A" }], nouns: ["x"] },
      { image: "c", caption: "C" },
    ),
  ).toEqual([
    { image: "a", texts: ["What?", "A."] },
    { image: "b", texts: ["P", "T", "Q", "A"] },
    { image: "c", texts: ["C"] },
  ]);
  expect(() => read({ image: "a", text: "x" }, { image: "b" }, { text: "x" })).toThrow(
    /s.jsonl line 2: .*expected what was said about it.*\ns.jsonl line 3: field image/,
  );
});
