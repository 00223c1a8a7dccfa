import { z } from "zod";
import { type DataFile, objectFinder, parseJson, readShaped } from "../../eval/index.js";
import {
  decodeImage,
  GroundsightError,
  type Model,
  type ReadRequest,
  type SettingsSchema,
} from "../../index.js";
import type { Analysis, AnalysisContext, Estimate, Findings, Plot } from "../contract/analysis.js";
import type { PatchMap } from "../contract/explanation.js";
import { meanEstimate, PERCENT, POINTS, shareEstimate } from "../statistics/cluster-estimate.js";
import { attentionMaps } from "../where/attention-maps.js";
import { occlusionMaps } from "../where/occlusion-maps.js";
import { cellMiddles, mapPeak } from "../where/token-maps.js";
import { CAPTION_ROW, type ModelCaption, modelCaptions } from "./captions.js";
import { counted } from "./counted.js";
import { against, estimateText } from "./estimate-text.js";
import { keepOne } from "./kept-work.js";

const SETTINGS = {
  cells: {
    type: "integer",
    min: 2,
    max: 64,
    default: 8,
    summary: "cells along the longer side of an image that are hidden one by one",
  },
  window: {
    type: "integer",
    min: 1,
    max: 64,
    default: 1,
    summary: "cells along each side of the square that is hidden at a time",
  },
  maxTokens: { type: "integer", min: 1, default: 64, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;

const CAPTIONS = "captions.jsonl";
const SCENES = "scenes.json";
const WAYS = ["occlusion", "attention"] as const;

/** Things with their places: middle and side in pixels. */
const SCENE_FILE = z.record(
  z.string(),
  z.object({
    objects: z.array(
      z.object({ name: z.string(), x: z.number(), y: z.number(), size: z.number().positive() }),
    ),
  }),
);
type Scenes = z.infer<typeof SCENE_FILE>;

/** A part of an image, as fractions of its sides. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** An object that a caption names and its image shows, with what a way of mapping says of its place. */
interface Pointed {
  readonly image: string;
  readonly isHit: boolean;
  /** Whether the map of another object's word has its maximum here; undefined where the caption names no other. */
  readonly isHitByOther: boolean | undefined;
  /** The share of the map's cells that would be a hit. */
  readonly chance: number;
}

type Way = (typeof WAYS)[number];

/** The pointing game of Zhang et al. 2018, for words of captions. */
export const pointing: Analysis = {
  name: "pointing",
  summary: "whether the map of a word points at its thing in the picture",
  paper:
    "Zhang et al. 2018 (arXiv 1608.00507, the pointing game): a map is right where its maximum lies on the thing, and good maps are so far more often than chance. Jain and Wallace 2019 (arXiv 1902.10186): attention often disagrees with what leaving inputs out shows.",
  needs: { model: true, files: [CAPTIONS, "objects_by_image.json", SCENES] },
  settings: SETTINGS,
  limit: 60,
  run,
};

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const { pointed, warnings } = await pointAll(context);
  const { seed } = context;
  const figures = WAYS.filter((way) => pointed[way].length > 0).map((way) => ({
    way,
    ...figuresOf(pointed[way], seed),
  }));
  return {
    n: pointed.occlusion.length,
    warnings,
    table: figures.map(({ way, own, other, chance }) => ({
      map: way,
      objects: own.n,
      "on its thing %": estimateText(own, 1),
      "another word's %": estimateText(other, 1),
      "by chance %": estimateText(chance, 1),
    })),
    findings: [
      ...figures.map(({ way, own, other, chance, gain }) => {
        const said = VERDICTS[against(gain, 0)];
        return `${way}: the maximum lies on the thing that the word names for ${estimateText(own, 1)}% of ${own.n} words, by chance for ${estimateText(chance, 1)}%; the map of another word of the caption has it there for ${estimateText(other, 1)}% (n = ${other.n}). ${said}`;
      }),
      ...(figures.length === WAYS.length ? [compared(pointed, seed)] : []),
      ...(figures.length === 0
        ? ["No caption names a thing that its image shows: there is no map to judge."]
        : []),
    ],
    plots: [plotOf(figures)],
  };
}

const VERDICTS = {
  agrees: "It points better than chance.",
  contradicts: "It points worse than chance.",
  open: "That it points better than chance is not shown.",
};

async function pointAll(
  context: AnalysisContext<typeof SETTINGS>,
): Promise<{ pointed: Record<Way, readonly Pointed[]>; warnings: string[] }> {
  const { model, data, settings, signal, keep } = context;
  const scenes = readScenes(await data.file(SCENES));
  const finder = objectFinder({
    rule: "colour-aware",
    names: Object.values(scenes).flatMap(({ objects }) => objects.map(({ name }) => name)),
  });
  const { length } = await data.rows(CAPTIONS, CAPTION_ROW);
  const step = counted(context, 2 * length);
  const pointed: Record<Way, Pointed[]> = { occlusion: [], attention: [] };
  const warnings: string[] = [];
  for (const caption of await modelCaptions(context, CAPTIONS, settings.maxTokens, step)) {
    const image = data.image(caption.image);
    const answer = caption.answer.tokens.map(({ id }) => id);
    const boxes = boxesOf(caption, scenes, await decodeImage(image), finder.canonical);
    if (boxes.size > 0) {
      const request = { image, prompt: caption.prompt, answer, signal };
      const { cells, window } = settings;
      const key = [request, [...boxes], cells, window];
      const byOcclusion = await keepOne(keep, key, async () => {
        const occlusion = await occlusionMaps(model, request, { cells, window });
        return pointedIn(caption, boxes, occlusion.maps);
      });
      pointed.occlusion.push(...byOcclusion);
      if (warnings.length === 0) {
        const attention = await attentionOr(model, request, (reason) => warnings.push(reason));
        pointed.attention.push(...pointedIn(caption, boxes, attention));
      }
    }
    step();
  }
  return { pointed, warnings };
}

/** Maps of attention; none, and why, where the model gives none. */
async function attentionOr(
  model: Model,
  request: ReadRequest,
  onRefusal: (reason: string) => void,
): Promise<readonly PatchMap[]> {
  try {
    return (await attentionMaps(model, request)).maps;
  } catch (cause) {
    if (!(GroundsightError.isInstance(cause) && cause.code === "UNSUPPORTED_CAPABILITY"))
      throw cause;
    onRefusal(`attention is left out: ${cause.message}`);
    return [];
  }
}

/** @throws DatasetError when they do not fit */
function readScenes({ text, name }: DataFile): Scenes {
  const [scenes] = readShaped([{ value: parseJson(text, name), where: name }], SCENE_FILE);
  return scenes!.value;
}

/** Where the things of a caption lie that are there: of a class that is there several times, all of them. */
function boxesOf(
  { image, objects }: ModelCaption,
  scenes: Scenes,
  { width, height }: { readonly width: number; readonly height: number },
  canonical: (name: string) => string,
): Map<string, readonly Box[]> {
  const things = scenes[image]?.objects ?? [];
  const named = new Set(objects.map(({ object }) => object));
  const boxes = new Map<string, Box[]>();
  for (const { name, x, y, size } of things) {
    const object = canonical(name);
    if (!named.has(object)) continue;
    const half = size / 2;
    boxes.set(object, [
      ...(boxes.get(object) ?? []),
      {
        left: (x - half) / width,
        right: (x + half) / width,
        top: (y - half) / height,
        bottom: (y + half) / height,
      },
    ]);
  }
  return boxes;
}

/** What the maps of a caption's words say of the places of its things. */
function pointedIn(
  { image, objects }: ModelCaption,
  boxes: ReadonlyMap<string, readonly Box[]>,
  maps: readonly PatchMap[],
): Pointed[] {
  const words = maps.length === 0 ? [] : objects.filter(({ object }) => boxes.has(object));
  return words.map(({ object, token }, i) => {
    const map = maps[token]!;
    const own = boxes.get(object)!;
    const isOn = ({ x, y }: { readonly x: number; readonly y: number }) =>
      own.some(({ left, right, top, bottom }) => x >= left && x < right && y >= top && y < bottom);
    // The next word of the caption that names something else.
    const other = [...words.slice(i + 1), ...words].find((word) => word.object !== object);
    return {
      image,
      isHit: isOn(mapPeak(map)),
      isHitByOther: other && isOn(mapPeak(maps[other.token]!)),
      chance: cellMiddles(map).filter(isOn).length / map.values.length,
    };
  });
}

interface Figures {
  /** In percent. */
  readonly own: Estimate;
  readonly other: Estimate;
  readonly chance: Estimate;
  /** Own minus chance, in points. */
  readonly gain: Estimate;
}

function figuresOf(pointed: readonly Pointed[], seed: number): Figures {
  const imageOf = ({ image }: Pointed) => image;
  const options = { seed };
  const others = pointed.filter(({ isHitByOther }) => isHitByOther !== undefined);
  const percent = (isTrue: boolean) => (isTrue ? 100 : 0);
  return {
    own: shareEstimate(pointed, imageOf, ({ isHit }) => isHit, options),
    other: shareEstimate(others, imageOf, ({ isHitByOther }) => isHitByOther === true, options),
    chance: meanEstimate(pointed, imageOf, ({ chance }) => 100 * chance, {
      ...options,
      range: PERCENT,
    }),
    gain: meanEstimate(pointed, imageOf, ({ isHit, chance }) => percent(isHit) - 100 * chance, {
      ...options,
      range: POINTS,
    }),
  };
}

/** How often occlusion points right where attention does not, and the other way round. */
function compared(pointed: Record<Way, readonly Pointed[]>, seed: number): string {
  const pairs = pointed.occlusion.map(({ image, isHit }, i) => ({
    image,
    difference: 100 * (Number(isHit) - Number(pointed.attention[i]!.isHit)),
  }));
  const mean = meanEstimate(
    pairs,
    ({ image }) => image,
    ({ difference }) => difference,
    { seed, range: POINTS },
  );
  const apart = pairs.filter(({ difference }) => difference !== 0).length;
  return `Occlusion is right more often than attention by ${estimateText(mean, 1)} points; of ${pairs.length} words ${apart} are pointed at rightly by one of them alone. ${COMPARED[against(mean, 0)]}`;
}

const COMPARED = {
  agrees: "As Jain and Wallace warn, attention is the worse guide to what a word needs.",
  contradicts: "Against Jain and Wallace, attention is the better guide.",
  open: "A difference between the two is not shown.",
};

function plotOf(figures: readonly (Figures & { readonly way: Way })[]): Plot {
  const series = (label: string, of: (figures: Figures) => Estimate) => ({
    label,
    points: figures.map(({ way, ...one }) => ({ x: way, ...of(one) })),
  });
  return {
    name: "pointing",
    title: "Maps whose maximum lies on the thing",
    mark: "dot",
    x: { label: "map" },
    y: { label: "% of words", domain: [0, 100] },
    series: [
      series("map of its word", ({ own }) => own),
      series("map of another word", ({ other }) => other),
      series("by chance", ({ chance }) => chance),
    ],
  };
}
