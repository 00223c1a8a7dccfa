import {
  InvalidArgumentError,
  SeededRandom,
  type SettingsSchema,
  UnsupportedCapabilityError,
} from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  Estimate,
  Findings,
  Plot,
  TableRow,
} from "../contract/analysis.js";
import { jackknifeEstimate } from "../statistics/jackknife.js";
import {
  among,
  cosinesOf,
  crossProducts,
  kernelAlignment,
  modalityGap,
  products,
  sharedNeighbours,
  unit,
} from "../statistics/similarity.js";
import { alignmentStates, captionedRows, type Layers } from "./alignment-states.js";
import { against, estimateText } from "./estimate-text.js";
import { lineOf } from "./line-of.js";

const SETTINGS = {
  neighbours: { type: "integer", min: 1, default: 10, summary: "k of mutual k-nearest neighbours" },
} as const satisfies SettingsSchema;

/** Huh et al. 2024, alignment of representations; Liang et al. 2022, the modality gap. */
export const alignment: Analysis = {
  name: "alignment",
  summary: "how alike images and their true captions are represented, layer by layer",
  paper:
    "Huh et al. 2024 (arXiv 2405.07987): vision models and language models that were trained apart share nearest neighbours above chance. Liang et al. 2022 (arXiv 2203.02053): images and texts lie apart in a shared space, the modality gap.",
  needs: { model: true, base: true, files: ["captions.jsonl"] },
  settings: SETTINGS,
  run,
};

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const { base, settings, seed, data } = context;
  if (base !== undefined && base.states === undefined) {
    throw new UnsupportedCapabilityError(
      `alignment: the text model ${base.id} does not tell its hidden states; leave out --base`,
    );
  }
  const rows = await captionedRows(context);
  const n = rows.length;
  const { neighbours: k } = settings;
  if (k > n - 2) {
    const most = n < 3 ? "at least 3 captions" : `at most ${n - 2}`;
    throw new InvalidArgumentError(
      `neighbours: received ${k}, of ${n} captions of ${data.name}; expected ${most}: look at more images, or at fewer neighbours`,
    );
  }
  const { images, texts, tower, withoutTower, baseTexts } = await alignmentStates(context, rows);
  const seen = tower?.at(-1);
  const towerAgainst = (label: string, layers: Layers | undefined): Kind[] =>
    seen === undefined || layers === undefined
      ? []
      : [
          {
            label: `vision tower, caption: ${label}`,
            alike: alikeness(
              layers.map(() => seen),
              layers,
              k,
            ),
          },
        ];
  const random = new SeededRandom(seed, "alignment");
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const others = texts.map((layer) => order.map((i) => layer[i]!));
  const kinds: Kind[] = [
    { label: "image tokens, caption: decoder", alike: alikeness(images, texts, k) },
    ...towerAgainst("decoder", texts),
    ...towerAgainst("base LLM", baseTexts),
    { label: "image tokens, another's caption", alike: alikeness(images, others, k) },
  ];
  const shared = images.map((image, layer) => inOneSpace(image, texts[layer]!));
  const warnings = [
    ...(base === undefined ? ["no base LLM: what was alike before tuning is not told"] : []),
    ...(withoutTower === undefined ? [] : [`the vision tower is left out: ${withoutTower}`]),
  ];
  return {
    n,
    table: tableOf(kinds, shared),
    findings: findingsOf(kinds, shared, { k, n }),
    plots: plotsOf(kinds, shared),
    warnings,
  };
}

interface Kind {
  readonly label: string;
  readonly alike: readonly Alikeness[];
}

interface Alikeness {
  readonly knn: Estimate;
  readonly cka: Estimate;
}

/** Of each layer, how alike two representations are, in spaces of their own. */
function alikeness(x: Layers, y: Layers, k: number): Alikeness[] {
  return x.map((vectors, layer) => {
    const other = y[layer]!;
    const n = vectors.length;
    const [cosX, cosY] = [products(unit(vectors)), products(unit(other))];
    const [kernelX, kernelY] = [products(vectors), products(other)];
    return {
      knn: jackknifeEstimate(n, (some) =>
        sharedNeighbours(among(cosX, some), among(cosY, some), k),
      ),
      cka: jackknifeEstimate(n, (some) =>
        kernelAlignment(among(kernelX, some), among(kernelY, some)),
      ),
    };
  });
}

interface Shared {
  readonly matched: Estimate;
  readonly unmatched: Estimate;
  /** Matched less unmatched. */
  readonly margin: Estimate;
  readonly gap: Estimate;
}

/** How two representations lie in one space. */
function inOneSpace(x: readonly Float32Array[], y: readonly Float32Array[]): Shared {
  const [a, b] = [unit(x), unit(y)];
  const cosines = crossProducts(a, b);
  const estimate = (of: (cosine: { matched: number; unmatched: number }) => number) =>
    jackknifeEstimate(x.length, (some) => of(cosinesOf(among(cosines, some))));
  return {
    matched: estimate(({ matched }) => matched),
    unmatched: estimate(({ unmatched }) => unmatched),
    margin: estimate(({ matched, unmatched }) => matched - unmatched),
    gap: jackknifeEstimate(x.length, (some) =>
      modalityGap(
        some.map((i) => a[i]!),
        some.map((i) => b[i]!),
      ),
    ),
  };
}

function tableOf(kinds: readonly Kind[], shared: readonly Shared[]): TableRow[] {
  const layers = Math.max(...kinds.map(({ alike }) => alike.length));
  return Array.from({ length: layers }, (_, layer) => ({
    layer,
    ...Object.fromEntries(
      kinds.map(({ label, alike }) => [
        `kNN, ${label}`,
        alike[layer] === undefined ? null : estimateText(alike[layer].knn),
      ]),
    ),
    "CKA, image tokens, caption": textOf(kinds[0]!.alike[layer]?.cka),
    "cosine, matched": textOf(shared[layer]?.matched),
    unmatched: textOf(shared[layer]?.unmatched),
    gap: textOf(shared[layer]?.gap),
  }));
}

const textOf = (estimate: Estimate | undefined) =>
  estimate === undefined ? null : estimateText(estimate);

function findingsOf(
  kinds: readonly Kind[],
  shared: readonly Shared[],
  { k, n }: { readonly k: number; readonly n: number },
): string[] {
  const chance = k / (n - 1);
  const best = kinds.map(({ label, alike }) => {
    const layer = alike.reduce(
      (most, { knn }, i) => ((knn.value ?? 0) > (alike[most]!.knn.value ?? 0) ? i : most),
      0,
    );
    return { label, layer, ...alike[layer]! };
  });
  const found = best.map(
    ({ label, layer, knn, cka }) =>
      `${label}: most neighbours are shared in layer ${layer}, ${estimateText(knn)} of ${k}-nearest (CKA ${estimateText(cka)}); ${CHANCE[against(knn, chance)]} (${chance.toFixed(2)})`,
  );
  const last = shared.length - 1;
  const told = [0, last].map((layer) => {
    const { matched, unmatched, margin, gap } = shared[layer]!;
    return `layer ${layer}: cosine ${estimateText(matched)} with its own caption, ${estimateText(unmatched)} with others; difference ${estimateText(margin, 3)}; gap between the centres ${estimateText(gap)}`;
  });
  const gaps = shared.map(({ gap }) => gap);
  const isApart = gaps.every((gap) => against(gap, 0.5) === "agrees");
  return [
    ...found,
    ...told,
    isApart
      ? "As in the paper, images and texts lie apart in every layer: the gap between their centres is above 0.5 of at most 2."
      : "Against the paper, there is a layer in which the centres of images and texts lie within 0.5 of each other, or that is not shown.",
  ];
}

const CHANCE = {
  agrees: "above chance",
  contradicts: "below chance",
  open: "not shown to differ from chance",
};

function plotsOf(kinds: readonly Kind[], shared: readonly Shared[]): Plot[] {
  const x = { label: "layer (0: embeddings)" };
  const alike = (name: "knn" | "cka", title: string, label: string): Plot => ({
    name: `alignment-${name}`,
    title,
    mark: "line",
    x,
    y: { label },
    series: kinds.map((kind) =>
      lineOf(
        kind.label,
        kind.alike.map((layer) => layer[name]),
      ),
    ),
  });
  return [
    alike("knn", "Neighbours that images and captions share", "mutual k-nearest neighbours"),
    alike("cka", "Alignment of images and captions", "linear CKA"),
    {
      name: "alignment-cosines",
      title: "Image tokens and captions in the decoder's space",
      mark: "line",
      x,
      y: { label: "cosine, or distance of centres" },
      series: [
        lineOf(
          "cosine with the own caption",
          shared.map(({ matched }) => matched),
        ),
        lineOf(
          "cosine with other captions",
          shared.map(({ unmatched }) => unmatched),
        ),
        lineOf(
          "modality gap",
          shared.map(({ gap }) => gap),
        ),
      ],
    },
  ];
}
