import { z } from "zod";
import {
  type ObjectsByImage,
  objectFinder,
  readObjectAnnotations,
  requireGoingOn,
} from "../../eval/index.js";
import {
  DatasetError,
  GroundsightError,
  InvalidArgumentError,
  type SettingsSchema,
} from "../../index.js";
import type { Analysis, AnalysisContext, Findings, TableRow } from "../contract/analysis.js";
import { shareEstimate } from "../statistics/cluster-estimate.js";
import { captionFaults } from "./caption-faults.js";
import { estimateText } from "./estimate-text.js";
import { type ImageHashes, imageHashes, lookDistance } from "./image-hashes.js";

const SETTINGS = {
  file: { type: "text", default: "captions.jsonl", summary: "the captioned set: JSONL with image" },
  field: { type: "text", default: "reference", summary: "the field that holds the caption" },
  truth: {
    type: "text",
    default: "objects_by_image.json",
    summary: "objects of each image; rows with nouns or objects go before it",
  },
  smallest: {
    type: "integer",
    min: 1,
    default: 224,
    summary: "pixels of the shorter side below which an image is of low resolution",
  },
  distance: {
    type: "integer",
    min: 0,
    max: 64,
    default: 2,
    summary: "bits of 64 in which looks of near-duplicates differ at most",
  },
  words: { type: "integer", min: 1, default: 4, summary: "words below which a caption is short" },
} as const satisfies SettingsSchema;

/** Examples that are told of each check. */
const EXAMPLES = 3;

/** Shu et al. 2025, causes of misalignment in the data. */
export const data: Analysis = {
  name: "data",
  summary: "what is wrong with a captioned set: its images, its captions, and between them",
  paper:
    "Shu et al. 2025 (a survey of alignment, arXiv 2501.01346): low resolution, vague or broken captions and captions that do not fit their images are causes of misalignment in the data.",
  needs: { model: false, files: [] },
  settings: SETTINGS,
  run,
};

/** A row of the set, audited. */
interface Audited {
  readonly image: string;
  readonly caption: string;
  /** Null where the image cannot be read. */
  readonly hashes: ImageHashes | null;
  readonly faults: ReadonlySet<string>;
}

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const { settings, signal, progress, seed } = context;
  const rows = await captionsOf(context);
  const truth = await truthOf(context, rows);
  const finder = objectFinder({ rule: "colour-aware", names: new Set([...truth.values()].flat()) });
  const hashes = new Map<string, ImageHashes | null>();
  const audited: Audited[] = [];
  for (const [done, { image, caption }] of rows.entries()) {
    requireGoingOn(signal);
    if (!hashes.has(image)) hashes.set(image, await readable(context.data.image(image)));
    const faults = new Set<string>(captionFaults(caption, settings.words));
    const there = truth.get(image);
    if (there !== undefined) {
      const present = new Set(there.map(finder.canonical));
      const named = new Set(finder.find(caption).map(({ object }) => object));
      if ([...named].some((object) => !present.has(object))) faults.add("names what is not there");
      if ([...present].some((object) => !named.has(object))) faults.add("leaves out what is there");
    }
    audited.push({ image, caption, hashes: hashes.get(image)!, faults });
    progress(done + 1, rows.length);
  }
  const repeated = repeats(hashes, settings.distance);
  const checks = checksOf(audited, repeated, { ...settings, hasTruth: truth.size > 0 });
  return told(audited, checks, seed);
}

/** A check: which rows it is about, and which of them it finds. */
interface Check {
  readonly name: string;
  readonly of: readonly Audited[];
  readonly isFound: (row: Audited) => boolean;
  readonly example: (row: Audited) => string;
}

function checksOf(
  audited: readonly Audited[],
  { content, look }: Repeats,
  { smallest, hasTruth }: { readonly smallest: number; readonly hasTruth: boolean },
): Check[] {
  const images = [...new Map(audited.map((row) => [row.image, row])).values()];
  const read = images.filter(({ hashes }) => hashes !== null);
  const name = ({ image }: Audited) => image;
  const sized = ({ image, hashes }: Audited) => `${image} (${hashes!.width} x ${hashes!.height})`;
  const isLow = ({ hashes }: Audited) => Math.min(hashes!.width, hashes!.height) < smallest;
  const ofCaptions = (fault: string): Check => ({
    name: `caption ${fault}`,
    of: audited,
    isFound: ({ faults }) => faults.has(fault),
    example: ({ image, caption }) => `${image}: ${caption.slice(0, 60)}`,
  });
  return [
    {
      name: "image cannot be read",
      of: images,
      isFound: ({ hashes }) => hashes === null,
      example: name,
    },
    { name: `image below ${smallest} pixels`, of: read, isFound: isLow, example: sized },
    {
      name: "image has a duplicate",
      of: read,
      isFound: ({ image }) => content.has(image),
      example: name,
    },
    {
      name: "image has a near-duplicate",
      of: read,
      isFound: ({ image }) => look.has(image),
      example: name,
    },
    ...["empty", "short", "vague", "ungrammatical"].map(ofCaptions),
    ...(hasTruth ? ["names what is not there", "leaves out what is there"].map(ofCaptions) : []),
  ];
}

function told(audited: readonly Audited[], checks: readonly Check[], seed: number): Findings {
  const found = checks.map((check) => ({ ...check, rows: check.of.filter(check.isFound) }));
  const estimates = found.map(({ of, isFound }) =>
    shareEstimate(of, ({ image }) => image, isFound, { seed }),
  );
  const table = found.map(
    ({ name, of, rows, example }, i): TableRow => ({
      check: name,
      n: of.length,
      found: rows.length,
      percent: estimateText(estimates[i]!, 1),
      examples: rows.slice(0, EXAMPLES).map(example).join("; "),
    }),
  );
  const findings = found.flatMap(({ name, of, rows }, i) =>
    rows.length === 0
      ? []
      : [`${name}: ${rows.length} of ${of.length}, ${estimateText(estimates[i]!, 1)}%.`],
  );
  const clean = found.filter(({ rows }) => rows.length === 0).map(({ name }) => name);
  return {
    n: audited.length,
    table,
    findings: [...findings, ...(clean.length === 0 ? [] : [`Nothing found: ${clean.join(", ")}.`])],
    plots: [
      {
        name: "data-checks",
        title: `What is wrong with ${audited.length} captions and their images`,
        mark: "rows",
        x: { label: "check" },
        y: { label: "share, percent", domain: [0, 100] },
        series: [
          { label: "share", points: found.map(({ name }, i) => ({ x: name, ...estimates[i]! })) },
        ],
      },
    ],
  };
}

const ROW = z.looseObject({
  image: z.string().min(1),
  objects: z.array(z.string()).optional(),
  nouns: z.array(z.string()).optional(),
});

interface Captioned {
  readonly image: string;
  readonly caption: string;
  /** What is in the image, where the row tells. */
  readonly objects: readonly string[] | undefined;
}

/** @throws DatasetError naming the file where a row has no caption under that name */
async function captionsOf({
  data,
  settings,
}: AnalysisContext<typeof SETTINGS>): Promise<Captioned[]> {
  const { file, field } = settings;
  if (!data.has(file)) {
    throw new InvalidArgumentError(`file: received ${file}; ${data.name} has no such file`);
  }
  return (await data.rows(file, ROW)).map(({ value, where }) => {
    const caption = value[field];
    const { image, objects = value.nouns } = value;
    if (typeof caption === "string") return { image, caption, objects };
    const texts = Object.keys(value).filter((key) => typeof value[key] === "string");
    throw new DatasetError(
      `${where}: has no text in its field ${field}; its texts are ${texts.join(", ")}: name one with field (--field)`,
    );
  });
}

/** The objects of each image, as far as they are known. */
async function truthOf(
  { data, settings }: AnalysisContext<typeof SETTINGS>,
  rows: readonly Captioned[],
): Promise<ObjectsByImage> {
  const own = rows.flatMap(({ image, objects }) =>
    objects === undefined ? [] : [[image, objects] as const],
  );
  if (own.length > 0 || !data.has(settings.truth)) return new Map(own);
  return readObjectAnnotations(await data.file(settings.truth));
}

async function readable(path: string): Promise<ImageHashes | null> {
  try {
    return await imageHashes(path);
  } catch (error) {
    if (GroundsightError.isInstance(error) && error.code === "DATASET") return null;
    throw error;
  }
}

/** Images that are there more than once. */
interface Repeats {
  readonly content: ReadonlySet<string>;
  /** By look alone: with other pixels. */
  readonly look: ReadonlySet<string>;
}

function repeats(hashes: ReadonlyMap<string, ImageHashes | null>, distance: number): Repeats {
  const all = [...hashes].flatMap(([image, one]) => (one === null ? [] : [{ image, ...one }]));
  const content = new Set<string>();
  const look = new Set<string>();
  for (const [i, one] of all.entries()) {
    for (let j = i + 1; j < all.length; j++) {
      const other = all[j]!;
      const isSame = one.content === other.content;
      if (!isSame && lookDistance(one.look, other.look) > distance) continue;
      for (const { image } of [one, other]) (isSame ? content : look).add(image);
    }
  }
  return { content, look };
}
