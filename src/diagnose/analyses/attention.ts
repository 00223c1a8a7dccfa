import { InvalidArgumentError, type Model, type SettingsSchema } from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  Estimate,
  Findings,
  Plot,
  TableRow,
} from "../contract/analysis.js";
import { aurocEstimate } from "../statistics/auroc-estimate.js";
import { meanEstimate } from "../statistics/cluster-estimate.js";
import { type Looked, lookAt, PARTS, type Part, prepareLooking } from "./attention-shares.js";
import { CAPTION_ROW, modelCaptions } from "./captions.js";
import { counted } from "./counted.js";
import { against, estimateText } from "./estimate-text.js";
import { keepOne } from "./kept-work.js";
import { lineOf } from "./line-of.js";

const SETTINGS = {
  layers: {
    type: "text",
    default: "all",
    summary: "layers to look at: all, or numbers separated by commas",
  },
  maxTokens: { type: "integer", min: 1, default: 128, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;

/** Chen et al. 2024, attention on image tokens; Jiang et al. 2025, attention on the image of true and invented objects. */
export const attention: Analysis = {
  name: "attention",
  summary: "how much of the attention lies on the image, the question and the template, by layer",
  paper:
    "Chen et al. 2024 (FastV, arXiv 2403.06764): behind the first layers image tokens get far less attention than their number. Jiang et al. 2025 (arXiv 2411.16724): in middle layers tokens of true objects attend to the image more than those of invented ones.",
  needs: { model: true, files: ["captions.jsonl", "objects_by_image.json"] },
  settings: SETTINGS,
  run,
};

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const { model, data, settings, seed } = context;
  const layers = layersOf(model, settings.layers);
  await prepareLooking(model, layers);
  const { length } = await data.rows("captions.jsonl", CAPTION_ROW);
  const step = counted(context, 2 * length);
  const captions = await modelCaptions(context, "captions.jsonl", settings.maxTokens, step);
  const looked: Looked[] = [];
  let unplaced = 0;
  for (const caption of captions) {
    const key = [caption.image, caption.answer.tokens, caption.objects, layers];
    const image = data.image(caption.image);
    const read = await keepOne(context.keep, { image, key }, () =>
      lookAt(context, caption, layers),
    );
    if (!read.isPlaced) unplaced++;
    looked.push(...read.looked);
    step();
  }
  return {
    n: captions.length,
    ...figures(looked, layers, seed),
    warnings:
      unplaced === 0
        ? []
        : [
            `the question's tokens were not found in ${unplaced} of ${captions.length} prompts; their attention is told with the template's`,
          ],
  };
}

/** The layers that are asked for. */
function layersOf({ info }: Model, text: string): number[] {
  if (text === "all") return Array.from({ length: info.layers }, (_, layer) => layer);
  const layers = text.split(",").map((one) => (one.trim() === "" ? Number.NaN : Number(one)));
  const isLayer = (layer: number) => Number.isInteger(layer) && layer >= 0 && layer < info.layers;
  if (layers.every(isLayer)) return layers;
  throw new InvalidArgumentError(
    `layers: received ${text}; expected numbers of 0 to ${info.layers - 1}, separated by commas`,
  );
}

const imageOf = ({ image }: Looked) => image;

/** Figures by layer: shares of all tokens, and of the image where an object begins. */
function figures(
  looked: readonly Looked[],
  layers: readonly number[],
  seed: number,
): Pick<Findings, "table" | "findings" | "plots"> {
  const shareOf = (layer: number, part: Part) =>
    meanEstimate(looked, imageOf, ({ shares }) => shares[layer]![part], { seed });
  const byPart = new Map(PARTS.map((part) => [part, layers.map((_, i) => shareOf(i, part))]));
  const tokens = meanEstimate(looked, imageOf, (one) => one.tokens.image, { seed });
  const objects = looked.filter(({ isThere }) => isThere !== undefined);
  const byObject = [true, false].map((isThere) => {
    const some = objects.filter((one) => one.isThere === isThere);
    return layers.map((_, i) =>
      meanEstimate(some, imageOf, ({ shares }) => shares[i]!.image, { seed }),
    );
  });
  const areas = layers.map((_, i) =>
    aurocEstimate(
      objects,
      imageOf,
      ({ shares }) => -shares[i]!.image,
      ({ isThere }) => isThere === false,
      { seed },
    ),
  );
  const table = layers.map(
    (layer, i): TableRow => ({
      layer,
      ...Object.fromEntries(PARTS.map((part) => [part, estimateText(byPart.get(part)![i]!)])),
      "image, true objects": estimateText(byObject[0]![i]!, 3),
      "image, invented": estimateText(byObject[1]![i]!, 3),
      AUROC: estimateText(areas[i]!),
    }),
  );
  return {
    table,
    findings: [
      ...numbersFinding(layers, byPart.get("image")!, tokens),
      ...objectsFinding(layers, areas, objects),
    ],
    plots: plotsOf(layers, byPart, byObject),
  };
}

function numbersFinding(
  layers: readonly number[],
  shares: readonly Estimate[],
  tokens: Estimate,
): string[] {
  const behind = layers.flatMap((layer, i) => (layer < 2 ? [] : [{ layer, share: shares[i]! }]));
  if (behind.length === 0) {
    return [
      `Image tokens are ${estimateText(tokens)} of the tokens. The paper tells of the layers behind the first two, and none of these was looked at.`,
    ];
  }
  const told = behind.map(({ layer, share }) => `${estimateText(share)} in layer ${layer}`);
  const bound = tokens.value ?? 0;
  const less = behind.filter(({ share }) => against(share, bound) === "contradicts").length;
  const verdict =
    less === behind.length
      ? "As in the paper, image tokens get less attention than their number in each of them."
      : `Against the paper, image tokens get less attention than their number in ${less} of these ${behind.length} layers alone.`;
  return [
    `Image tokens are ${estimateText(tokens)} of the tokens, and get of the attention ${told.join(", ")}. ${verdict}`,
  ];
}

function objectsFinding(
  layers: readonly number[],
  areas: readonly Estimate[],
  objects: readonly Looked[],
): string[] {
  const invented = objects.filter(({ isThere }) => isThere === false).length;
  const numbers = `n = ${invented} invented, ${objects.length - invented} true`;
  const shown = layers.flatMap((layer, i) => {
    const verdict = against(areas[i]!, 0.5);
    return verdict === "open" ? [] : [{ layer, verdict, area: areas[i]! }];
  });
  if (shown.length === 0) {
    return [
      `Attention to the image tells invented objects from true ones in no layer (${numbers}): the paper's difference is not shown.`,
    ];
  }
  return shown.map(({ layer, verdict, area }) =>
    verdict === "agrees"
      ? `Layer ${layer}: as in the paper, invented objects attend to the image less than true ones, AUROC ${estimateText(area)} (${numbers}).`
      : `Layer ${layer}: against the paper, invented objects attend to the image more than true ones, AUROC ${estimateText(area)} of attending less (${numbers}).`,
  );
}

function plotsOf(
  layers: readonly number[],
  byPart: ReadonlyMap<Part, readonly Estimate[]>,
  byObject: readonly (readonly Estimate[])[],
): Plot[] {
  const line = (label: string, estimates: readonly Estimate[]) =>
    lineOf(label, estimates, (i) => layers[i]!);
  const x = { label: "layer" };
  return [
    {
      name: "attention-parts",
      title: "What attention lies on while captions are written",
      mark: "line",
      x,
      y: { label: "share of attention", domain: [0, 1] },
      series: [...byPart].map(([part, estimates]) => line(part, estimates)),
    },
    {
      name: "attention-objects",
      title: "Attention on the image where an object begins",
      mark: "line",
      x,
      y: { label: "share of attention" },
      series: [line("object that is there", byObject[0]!), line("invented object", byObject[1]!)],
    },
  ];
}
