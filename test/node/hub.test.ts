import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ModelLoadError } from "../../src/errors.js";
import { load } from "../../src/index.js";
import { cachedModels, type DownloadProgress, fetchModel } from "../../src/node/hub.js";

const GRAPHS = ["embed_tokens", "vision_encoder", "decoder_model_merged"].map(
  (name) => `onnx/${name}.onnx`,
);
const FILES: Record<string, string> = {
  "config.json": "{}",
  "tokenizer.json": '{"a": 1}',
  "chat_template.jinja": "a template",
  "processor_config.json": "{}",
  "README.md": "not wanted",
  "model.safetensors": "not wanted",
  "onnx/decoder_model_merged_q4.onnx": "not wanted",
  "onnx/decoder_model_merged.onnx_data": "external weights",
  ...Object.fromEntries(GRAPHS.map((path) => [path, `graph ${path}`])),
};

/** A hub on this machine with one repository, whose answers a test may spoil. */
let hub: Server;
let cacheDir: string;
let requested: string[];
let spoil: (path: string, content: string) => string;

beforeAll(async () => {
  hub = createServer((request, response) => {
    const url = new URL(request.url!, "http://hub");
    if (url.pathname.startsWith("/api/models/owner/name/tree")) {
      const entries = Object.entries(FILES).map(([path, content]) => {
        const isLarge = path.startsWith("onnx/");
        const hash = isLarge
          ? createHash("sha256")
          : createHash("sha1").update(`blob ${content.length}\0`);
        const digest = hash.update(content).digest("hex");
        const lfs = isLarge ? { lfs: { oid: digest, size: content.length, pointerSize: 130 } } : {};
        return {
          type: "file",
          path,
          size: content.length,
          oid: isLarge ? "0".repeat(40) : digest,
          ...lfs,
        };
      });
      response.setHeader("content-type", "application/json").end(JSON.stringify(entries));
      return;
    }
    const path = url.pathname.replace("/owner/name/resolve/main/", "");
    const content = FILES[path];
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (request.method === "GET") requested.push(path);
    const body = Buffer.from(spoil(path, content));
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "");
    response.setHeader("etag", '"tag"').setHeader("accept-ranges", "bytes");
    if (range === null) {
      response.setHeader("content-length", body.length).end(body);
      return;
    }
    const part = body.subarray(Number(range[1]), Number(range[2]) + 1);
    response.setHeader(
      "content-range",
      `bytes ${range[1]}-${Number(range[1]) + part.length - 1}/${body.length}`,
    );
    response.writeHead(206, { "content-length": part.length }).end(part);
  });
  await new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(hub.address() as AddressInfo).port}`);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => hub.close(resolve));
  await rm(cacheDir, { recursive: true });
});
beforeEach(async () => {
  if (cacheDir !== undefined) await rm(cacheDir, { recursive: true });
  cacheDir = await mkdtemp(join(tmpdir(), "groundsight-"));
  requested = [];
  spoil = (_, content) => content;
});

const wanted = [
  "config.json",
  "chat_template.jinja",
  "processor_config.json",
  "tokenizer.json",
  ...GRAPHS,
  "onnx/decoder_model_merged.onnx_data",
].sort();

test("fetches what the precision needs, tells how far it is, and keeps it", async () => {
  const progress: DownloadProgress[] = [];
  const folder = await fetchModel("owner/name", {
    dtype: "fp32",
    cacheDir,
    onProgress: (step) => progress.push(step),
  });
  for (const path of wanted) expect(await readFile(join(folder, path), "utf8")).toBe(FILES[path]);
  expect(existsSync(join(folder, "README.md"))).toBe(false);
  expect([...new Set(progress.map(({ file }) => file))].sort()).toEqual(wanted);
  expect(progress.at(-1)!.loadedBytes).toBe(progress.at(-1)!.totalBytes);
  requested = [];
  expect(await fetchModel("owner/name", { dtype: "fp32", cacheDir, offline: true })).toBe(folder);
  expect(requested).toEqual([]);
  expect(await cachedModels(cacheDir)).toEqual([{ hubId: "owner/name", folder, dtypes: ["fp32"] }]);
});

test("refuses a file whose checksum is wrong, keeps the others, and fetches only that one again", async () => {
  spoil = (path, content) =>
    path === "onnx/vision_encoder.onnx" ? content.toUpperCase() : content;
  const spoilt = fetchModel("owner/name", { dtype: "fp32", cacheDir });
  await expect(spoilt).rejects.toThrow(ModelLoadError);
  await expect(spoilt).rejects.toThrow(
    /vision_encoder\.onnx arrived with checksum [0-9a-f]{64}; expected [0-9a-f]{64}/,
  );
  await expect(
    fetchModel("owner/name", { dtype: "fp32", cacheDir, offline: true }),
  ).rejects.toThrow("offline");
  expect(await cachedModels(cacheDir)).toEqual([]);
  const complete = [...requested];
  requested = [];
  spoil = (_, content) => content;
  await fetchModel("owner/name", { dtype: "fp32", cacheDir });
  expect(requested).toContain("onnx/vision_encoder.onnx");
  for (const path of requested)
    expect(path === "onnx/vision_encoder.onnx" || !complete.includes(path)).toBe(true);
});

test("says which graphs a repository has when those of the precision are missing", async () => {
  const loading = fetchModel("owner/name", { dtype: "q4", cacheDir });
  await expect(loading).rejects.toThrow(
    "has no onnx/embed_tokens_q4.onnx (dtype q4); its graphs are onnx/",
  );
  expect(new Set(requested)).toEqual(new Set(["config.json"]));
});

test("fetches each graph in its own precision, with all files of its weights", async () => {
  const chunks = ["", "_1", "_2"].map((end) => `onnx/decoder_model_merged_q4.onnx_data${end}`);
  const added = ["onnx/embed_tokens_fp16.onnx", "onnx/vision_encoder_q4.onnx", ...chunks];
  for (const path of added) FILES[path] = `content of ${path}`;
  const stock = FILES["config.json"]!;
  const promise = { "decoder_model_merged_q4.onnx": 3, vision_encoder: false };
  FILES["config.json"] = JSON.stringify({
    "transformers.js_config": { use_external_data_format: promise },
  });
  try {
    const dtype = {
      embed_tokens: "fp16",
      vision_encoder: "q4",
      decoder_model_merged: "q4",
    } as const;
    const folder = await fetchModel("owner/name", { dtype, cacheDir });
    const wantedGraphs = [...added, "onnx/decoder_model_merged_q4.onnx"].sort();
    expect([...new Set(requested)].filter((path) => path.startsWith("onnx/")).sort()).toEqual(
      wantedGraphs,
    );
    for (const path of chunks) expect(await readFile(join(folder, path), "utf8")).toBe(FILES[path]);
    const text = "embed_tokens=fp16,vision_encoder=q4,decoder_model_merged=q4";
    expect(await cachedModels(cacheDir)).toEqual([{ hubId: "owner/name", folder, dtypes: [text] }]);
    expect(await fetchModel("owner/name", { dtype, cacheDir, offline: true })).toBe(folder);
    await expect(
      fetchModel("owner/name", { dtype: "q4", cacheDir, offline: true }),
    ).rejects.toThrow("owner/name (dtype q4) is not in the cache");
    // A promised file that the hub lacks is told before any graph is fetched.
    await rm(folder, { recursive: true });
    delete FILES[chunks[2]!];
    requested = [];
    const incomplete = fetchModel("owner/name", { dtype, cacheDir });
    await expect(incomplete).rejects.toThrow(ModelLoadError);
    await expect(incomplete).rejects.toThrow(
      "owner/name has no onnx/decoder_model_merged_q4.onnx_data_2, in which weights lie by its config.json",
    );
    expect(new Set(requested)).toEqual(new Set(["config.json"]));
  } finally {
    for (const path of added) delete FILES[path];
    FILES["config.json"] = stock;
  }
});

test("graphs that were fetched in one precision each are there in both", async () => {
  FILES["onnx/vision_encoder_q4.onnx"] = "q4";
  FILES["onnx/embed_tokens_q4.onnx"] = "q4";
  try {
    for (const dtype of ["fp32", "q4"] as const)
      await fetchModel("owner/name", { dtype, cacheDir });
    const dtype = {
      embed_tokens: "fp32",
      vision_encoder: "q4",
      decoder_model_merged: "fp32",
    } as const;
    const folder = await fetchModel("owner/name", { dtype, cacheDir, offline: true });
    expect(existsSync(join(folder, "onnx/vision_encoder_q4.onnx"))).toBe(true);
  } finally {
    delete FILES["onnx/vision_encoder_q4.onnx"];
    delete FILES["onnx/embed_tokens_q4.onnx"];
  }
});

test("a model of an unknown family is refused before anything but its config.json is fetched", async () => {
  const stock = FILES["config.json"]!;
  for (const config of [
    { model_type: "phi3_v", hidden_size: 8 },
    { model_type: "florence2" },
    { model_type: "bert", text_config: {} },
  ]) {
    FILES["config.json"] = JSON.stringify(config);
    requested = [];
    const loading = load("owner/name", { cacheDir });
    await expect(loading).rejects.toThrow(ModelLoadError);
    await expect(loading).rejects.toThrow(`received model_type '${config.model_type}'`);
    expect(new Set(requested)).toEqual(new Set(["config.json"]));
  }
  FILES["config.json"] = stock;
});

test("fetches the one graph of a text model, which is no model to ask", async () => {
  FILES["onnx/model.onnx"] = "a text model";
  try {
    const options = { dtype: "fp32", graphs: ["model"], cacheDir } as const;
    const folder = await fetchModel("owner/name", options);
    expect(await readFile(join(folder, "onnx/model.onnx"), "utf8")).toBe("a text model");
    expect(existsSync(join(folder, "onnx/decoder_model_merged.onnx"))).toBe(false);
    expect(await cachedModels(cacheDir)).toEqual([]);
    const before = requested.length;
    await fetchModel("owner/name", { ...options, offline: true });
    expect(requested.length).toBe(before);
    const other = fetchModel("owner/name", { ...options, dtype: "q4" });
    await expect(other).rejects.toThrow("has no onnx/model_q4.onnx (dtype q4)");
    await expect(
      fetchModel("owner/name", { dtype: "fp32", cacheDir, offline: true }),
    ).rejects.toThrow("is not in the cache");
  } finally {
    delete FILES["onnx/model.onnx"];
  }
});

test("an unknown repository and a hub out of reach are clear errors", async () => {
  await expect(fetchModel("owner/other", { dtype: "fp32", cacheDir })).rejects.toThrow(
    "no such public model",
  );
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
  const unreachable = fetchModel("owner/name", { dtype: "fp32", cacheDir });
  await expect(unreachable).rejects.toThrow(ModelLoadError);
  await expect(unreachable).rejects.toThrow(/no connection .*use the bundled model 'pocket'/);
});
