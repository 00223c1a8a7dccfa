import { createHash } from "node:crypto";
import { join } from "node:path";
import { AbortedError, DatasetError, InvalidArgumentError } from "../../errors.js";
import type { ImageSource, Model, Probe } from "../../index.js";
import { imageVector } from "./image-vector.js";
import { IndexDatabase, type IndexFacts, type Neighbour } from "./index-database.js";
import type { TuningSample } from "./read-samples.js";

/** Options of {@link buildIndex}. */
export interface BuildIndexOptions {
  /** File of the index: made, or gone on with. */
  readonly path: string;
  /** Folder of the images. */
  readonly images: string;
  /** Told after each image. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two images; what is done stays, and the same call goes on from there. */
  readonly signal?: AbortSignal;
}

/** What came of building an index. */
export interface BuiltIndex {
  /** Images with a vector, those of earlier calls included. */
  readonly images: number;
  /** Images that could not be read, by name; the same call tries them again. */
  readonly failures: Readonly<Record<string, string>>;
}

/** How many images are stored together: what a killed process loses at most. */
const STORED_TOGETHER = 32;

/**
 * Builds an index of tuning samples over the model's own image features, in one file. What is in it is not computed
 * again: a build that was stopped goes on with the same call.
 *
 * @throws DatasetError when the file holds an index of another model or of other samples, or no image can be read
 * @throws UnsupportedCapabilityError when DuckDB is not installed, or the model's graphs cannot be read
 * @throws AbortedError when the signal fires
 */
export async function buildIndex(
  model: Model,
  samples: readonly TuningSample[],
  { path, images, onProgress, signal }: BuildIndexOptions,
): Promise<BuiltIndex> {
  const names = [...new Set(samples.map(({ image }) => image))];
  if (names.length === 0) throw new InvalidArgumentError("samples: received none; expected some");
  const database = await IndexDatabase.open(path, "write");
  let probe: Probe | undefined;
  try {
    const facts = await factsOf(model, samples, names.length);
    const found = await database.facts(path);
    if (found !== null) requireSame(path, found, facts);
    const done = found === null ? new Set<string>() : await database.images();
    const failures: Record<string, string> = {};
    const waiting = new Map<string, Float32Array>();
    const missing = names.filter((name) => !done.has(name));
    if (found === null) await database.begin(facts, textsOf(samples));
    if (missing.length > 0) probe = await model.probe();
    let count = done.size;
    for (const name of missing) {
      if (signal?.aborted === true) break;
      try {
        waiting.set(name, await imageVector(probe!, join(images, name)));
      } catch (error) {
        failures[name] = (error as Error).message;
      }
      if (waiting.size === STORED_TOGETHER) await flush(database, waiting);
      onProgress?.(++count, names.length);
    }
    await flush(database, waiting);
    const stored = (await database.images()).size;
    if (signal?.aborted === true) {
      throw new AbortedError(
        `stopped; ${path} holds ${stored} of ${names.length} images, and the same command goes on`,
      );
    }
    if (stored === 0) {
      throw new DatasetError(`${path}: no image could be read: ${Object.values(failures)[0]}`);
    }
    return { images: stored, failures };
  } finally {
    await probe?.dispose();
    database.close();
  }
}

/** Tuning samples by the likeness of their images. */
export interface SampleIndex {
  readonly facts: IndexFacts;
  /**
   * The `k` images of the samples that are most like an image, with what was said about them.
   *
   * @param k 25 by default, as VDGD's authors'
   */
  nearest(image: ImageSource, k?: number): Promise<Neighbour[]>;
  /** Frees the file and the model's probe. */
  close(): Promise<void>;
  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens an index for the model that it was built with.
 *
 * @throws DatasetError when the file holds no index, or one of another model
 */
export async function openIndex(path: string, model: Model): Promise<SampleIndex> {
  const database = await IndexDatabase.open(path, "read");
  let probe: Promise<Probe> | undefined;
  const close = async () => {
    await (await probe?.catch(() => undefined))?.dispose();
    database.close();
  };
  try {
    const facts = await database.facts(path);
    if (facts === null) throw new DatasetError(`${path}: an empty index; build it again`);
    requireModel(path, facts, model.info.id, await model.hash());
    return {
      facts,
      nearest: async (image, k = 25) => {
        if (!Number.isSafeInteger(k) || k < 1) {
          throw new InvalidArgumentError(`k: received ${k}; expected an integer of at least 1`);
        }
        probe ??= model.probe();
        return database.nearest(await imageVector(await probe, image), k);
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

async function flush(database: IndexDatabase, waiting: Map<string, Float32Array>): Promise<void> {
  if (waiting.size > 0) await database.add(waiting);
  waiting.clear();
}

function textsOf(samples: readonly TuningSample[]): { image: string; text: string }[] {
  return samples.flatMap(({ image, texts }) => texts.map((text) => ({ image, text })));
}

async function factsOf(
  model: Model,
  samples: readonly TuningSample[],
  images: number,
): Promise<IndexFacts> {
  const { id, dtype, hiddenSize } = model.info;
  const content = samples.map(({ image, texts }) => [image, texts]);
  return {
    schemaVersion: 1,
    model: { id, dtype, hash: await model.hash() },
    width: hiddenSize,
    samples: createHash("sha256").update(JSON.stringify(content)).digest("hex"),
    images,
  };
}

function requireSame(path: string, found: IndexFacts, wanted: IndexFacts): void {
  requireModel(path, found, wanted.model.id, wanted.model.hash);
  if (found.samples === wanted.samples) return;
  throw new DatasetError(
    `${path}: an index of other samples (SHA-256 ${found.samples}; these are ${wanted.samples}); give another --out`,
  );
}

function requireModel(path: string, { model }: IndexFacts, id: string, hash: string): void {
  if (model.hash === hash) return;
  throw new DatasetError(
    `${path}: an index of model ${model.id} (${model.dtype}, hash ${model.hash}); received ${id} (hash ${hash}). Vectors of two models cannot be compared: use that model, or build another index`,
  );
}
