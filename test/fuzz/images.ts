import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import sharp from "sharp";
import type { ImageSource } from "../../src/engine/conversation.js";
import { GroundsightError } from "../../src/errors.js";
import { load } from "../../src/index.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import type { ImageLimits } from "../../src/node/images/image-limits.js";
import { imageSettings } from "../../src/node/images/image-settings.js";
import { ImageOpener } from "../../src/node/images/open-image.js";
import { processImage } from "../../src/node/images/process-image.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { extremeImage, hugeImages, lyingHeader } from "./image-lies.js";
import { anyPixels } from "./image-pixels.js";
import { inMemory, noSource, Places } from "./image-sources.js";
import { imageStocks, SECRET, type Stock } from "./image-stocks.js";
import { pick } from "./mutated.js";
import { mutatedBytes } from "./mutated-bytes.js";

const SHAPE = { layers: 1, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 260 };

/** One image in so many is very large. */
const HUGE_EVERY = 500;

/** Caches of 64 MiB fill, and large images come and go. */
const GROWTH_MIB = 256;

/** One in so many goes through a model. */
const ASKED_EVERY = 20;

const LIMITS: readonly unknown[] = [
  { maxMegapixels: 0.0001 },
  { maxMegapixels: 5 },
  { maxMiB: 0.0001 },
  { timeoutMs: 1 },
  { timeoutMs: 500, allowUrls: false },
  { maxMegapixels: Number.NaN },
  { maxPixels: 9 },
  null,
];

/** Processors of several kinds, with sizes that are quick. */
const PROCESSORS = [
  { image_processor_type: "CLIPImageProcessor", size: 48, crop_size: 40 },
  { image_processor_type: "SiglipImageProcessor", size: { width: 31, height: 64 } },
  { image_processor_type: "ViTImageProcessor", size: 16, resample: 1 },
  { image_processor_type: "CLIPImageProcessor", do_resize: false, crop_size: 24 },
  { image_processor_type: "SiglipImageProcessor", size: 20, resample: 0 },
].map((content) => imageSettings(content)!);

/**
 * Images of all formats, whole, changed, cut off, lying, extreme and none, in all the ways in which an image may be
 * given, through the gate, an image processor, and for some a model.
 */
export async function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const root = await mkdtemp(join(tmpdir(), "groundsight-fuzz-"));
  const checkpoint = join(root, "checkpoint");
  await writeSyntheticCheckpoint(checkpoint, SHAPE);
  const stocks = await imageStocks();
  const huge = cases < HUGE_EVERY ? [] : await hugeImages();
  const places = await Places.make(root);
  let what = "";
  try {
    await using model = await load(checkpoint, { threads: 1 });
    // One gate for most, whose caches must stay within their bounds.
    const opener = new ImageOpener();
    const ask = async (image: ImageSource, signal: AbortSignal | undefined) => {
      await model.generate({ prompt: "Hello", image, maxTokens: 1, ...(signal && { signal }) });
    };
    const run = async (index: number) => {
      const random = new SeededRandom(seed, `image ${index}`);
      const stock = await fileOf(stocks, huge, random);
      const { source, way, shown } = await sourceOf(stock, places, random);
      const signal = random.integer(16) === 0 ? AbortSignal.timeout(random.integer(5)) : undefined;
      what = `${stock.name}, ${way}`;
      try {
        if (random.integer(ASKED_EVERY) === 0) return await ask(source, signal);
        const isLimited = random.integer(8) === 0;
        const gate = isLimited ? new ImageOpener(pick(random, LIMITS) as ImageLimits) : opener;
        await throughGate(gate, source, random, signal);
      } catch (error) {
        if (GroundsightError.isInstance(error)) requireSecrecy(error.message, stock.bytes, shown);
        throw error;
      } finally {
        await decoded();
      }
    };
    return await fuzzed(
      { name: "images", cases: Math.min(cases, 10_000), seed, run, describe: () => what },
      { growthMiB: GROWTH_MIB, ...bounds },
    );
  } finally {
    places.close();
    await rm(root, { recursive: true });
  }
}

/** Resolves when no decoding is under way: one that was given up goes on, and counts for its case. */
async function decoded(): Promise<void> {
  for (let at = sharp.counters(); at.queue + at.process > 0; at = sharp.counters()) await wait(5);
}

async function fileOf(
  stocks: readonly Stock[],
  huge: readonly Stock[],
  random: SeededRandom,
): Promise<Stock> {
  const isHuge = random.integer(HUGE_EVERY) === 0 && huge.length > 0;
  const stock = pick(random, isHuge ? huge : stocks);
  if (isHuge) return stock;
  const { name, bytes } = stock;
  const kind = random.integer(10);
  if (kind < 4) return stock;
  if (kind < 6) return { name: `${name}, changed`, bytes: mutatedBytes(bytes, random) };
  if (kind < 7) {
    return { name: `${name}, cut off`, bytes: bytes.subarray(0, random.integer(bytes.length + 1)) };
  }
  if (kind < 9) return { name: `${name}, lying`, bytes: lyingHeader(stock, random) };
  return extremeImage(random);
}

interface Given {
  readonly source: ImageSource;
  readonly way: string;
  /** What of the source messages may show: a path is a name, other text is content. */
  readonly shown: string;
}

async function sourceOf(stock: Stock, places: Places, random: SeededRandom): Promise<Given> {
  const given = (source: unknown, way: string, shown = ""): Given => ({
    source: source as ImageSource,
    way,
    shown,
  });
  const kind = random.integer(20);
  if (kind < 11) return given(inMemory(stock.bytes, random), "in memory");
  if (kind < 15) {
    const path = await places.with(stock.bytes, random);
    return given(path, "in a file", String(path));
  }
  if (kind < 16) {
    const path = places.wrong(random);
    return given(path, `at ${path.slice(0, 60)}`, path.replaceAll("secret", ""));
  }
  if (kind < 17) return given(noSource(random), "given as what is no image");
  return given(anyPixels(random), "given as pixels");
}

async function throughGate(
  opener: ImageOpener,
  source: ImageSource,
  random: SeededRandom,
  signal: AbortSignal | undefined,
): Promise<void> {
  const image = await opener.open(source, signal);
  const pixels = await image.decode();
  const { data, width, height, channels } = pixels;
  if (channels !== 3 || data.length !== width * height * 3 || data.length === 0) {
    throw new Error(`${data.length} values for ${width} x ${height} x ${channels}`);
  }
  if (!/^[0-9a-f]{64}$/.test(image.key)) throw new Error(`key ${image.key}`);
  // The same pixels in another way are the same image.
  if (width * height < 1e5 && (await opener.open(pixels)).key !== image.key) {
    throw new Error("another key for the same pixels");
  }
  // Resampling a hundred million pixels takes seconds on a machine that has nothing else to do.
  const settings = width * height > 3e7 ? PROCESSORS.at(-1)! : pick(random, PROCESSORS);
  const { data: values, dims } = await processImage(pixels, settings);
  const size = settings.crop ?? (settings.size as { width: number; height: number });
  if (dims.join() !== [1, 3, size.height, size.width].join()) throw new Error(`dims ${dims}`);
  if (!values.every((value) => Number.isFinite(value))) throw new Error("values");
}

/** Longest piece of an image's content that a message may hold by chance. */
const PIECE = 12;

function requireSecrecy(message: string, bytes: Uint8Array, shown: string): void {
  if (message.includes(SECRET) || message.includes("secret")) throw new Error(`told: ${message}`);
  const encoded = Buffer.from(bytes.subarray(0, 4096));
  const payloads = [
    encoded.toString("base64"),
    encoded.toString("latin1"),
    encoded.toString("hex"),
  ];
  const rest = shown === "" ? message : message.replaceAll(shown, "");
  for (let at = 0; at + PIECE <= rest.length; at++) {
    const piece = rest.slice(at, at + PIECE);
    if (payloads.some((payload) => payload.includes(piece))) throw new Error(`told: ${message}`);
  }
}
