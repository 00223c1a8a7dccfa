import { parse } from "node:path";
import type { SettingsSchema } from "../../index.js";
import { elbow as elbowOf } from "../../math/elbow.js";
import { logSumExp } from "../../math/log-sum-exp.js";
import { topIndices } from "../../math/top-indices.js";
import type {
  Analysis,
  AnalysisContext,
  Findings,
  Plot,
  Series,
  TableRow,
} from "../contract/analysis.js";
import { aurocEstimate } from "../statistics/auroc-estimate.js";
import { meanEstimate } from "../statistics/cluster-estimate.js";
import { rankTest } from "../statistics/rank-test.js";
import { CAPTION_ROW, modelCaptions } from "./captions.js";
import { counted } from "./counted.js";
import { against, estimateText, pText } from "./estimate-text.js";
import { keepOne } from "./kept-work.js";

const SETTINGS = {
  candidates: {
    type: "integer",
    min: 3,
    default: 50,
    summary: "how many of the likeliest tokens are looked at",
  },
  of: {
    type: "choice",
    choices: ["probabilities", "logits"],
    default: "probabilities",
    summary: "what is sorted",
  },
  maxTokens: { type: "integer", min: 1, default: 128, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;

/** Captions in their own style and in others; those that a folder has. */
const FILES = ["captions.jsonl", "ood_captions.jsonl"];
/** Ranks that are drawn. */
const DRAWN = 10;

/** The first token of an object that a caption names. */
interface FirstToken {
  readonly image: string;
  readonly isThere: boolean;
  readonly elbow: number;
  /** Of the likeliest tokens, in descending order. */
  readonly probabilities: readonly number[];
}

/** Ghosh et al. 2025, the elbow of the logits. */
export const elbow: Analysis = {
  name: "elbow",
  summary: "how many tokens compete where an invented object begins, and where a true one does",
  paper:
    "Ghosh et al. 2025 (VDGD, arXiv 2405.15683): the logits of hallucinated tokens fall off slowly, so that the elbow of the sorted curve lies at a larger k than for true tokens.",
  needs: { model: true, files: ["captions.jsonl", "objects_by_image.json"] },
  settings: SETTINGS,
  run,
};

async function run(context: AnalysisContext<typeof SETTINGS>): Promise<Findings> {
  const { data } = context;
  const files = FILES.filter((file) => data.has(file));
  const rows = await Promise.all(files.map((file) => data.rows(file, CAPTION_ROW)));
  // Captions are made, and read: two steps each.
  const total = 2 * rows.flat().length;
  const step = counted(context, total);
  const table: TableRow[] = [];
  const findings: string[] = [];
  const plots: Plot[] = [];
  let n = 0;
  for (const file of files) {
    const { name } = parse(file);
    const { tokens, captions } = await firstTokens(context, file, step);
    n += captions;
    const figures = compare(tokens, context.seed);
    table.push({ set: name, captions, ...figures.row });
    findings.push(`${name}: ${figures.sentence}`);
    plots.push({
      name: `elbow-${name}`,
      title: `Probabilities where an object begins, ${name.replaceAll("_", " ")}`,
      mark: "line",
      x: { label: "rank of the token" },
      y: { label: "mean probability", domain: [0, 1] },
      series: [true, false].map((isThere) => curve(tokens, isThere, context.seed)),
    });
  }
  return { n, table, findings, plots };
}

/** The first tokens of all objects that captions name, each answer read in one pass. */
async function firstTokens(
  context: AnalysisContext<typeof SETTINGS>,
  file: string,
  step: () => void,
): Promise<{ tokens: FirstToken[]; captions: number }> {
  const { model, data, settings, signal, keep } = context;
  const captions = await modelCaptions(context, file, settings.maxTokens, step);
  const tokens: FirstToken[] = [];
  for (const { image, prompt, answer, objects } of captions) {
    const isThere = new Map(objects.map((object) => [object.token, object.isThere]));
    const request = {
      image: data.image(image),
      prompt,
      answer: answer.tokens.map(({ id }) => id),
      signal,
    };
    const read = async () => {
      const found: FirstToken[] = [];
      await model.read(request, {
        onPosition: ({ logits }, position) => {
          const there = isThere.get(position);
          if (there === undefined) return;
          const norm = logSumExp(logits);
          const best = topIndices(logits, settings.candidates).map((id) => logits[id]! - norm);
          const probabilities = best.map(Math.exp);
          const sorted = settings.of === "logits" ? best : probabilities;
          found.push({ image, isThere: there, elbow: elbowOf(sorted), probabilities });
        },
      });
      return found;
    };
    tokens.push(...(await keepOne(keep, [request, objects, settings], read)));
    step();
  }
  return { tokens, captions: captions.length };
}

/** True against invented objects. */
function compare(tokens: readonly FirstToken[], seed: number): { row: TableRow; sentence: string } {
  const imageOf = ({ image }: FirstToken) => image;
  const of = (isThere: boolean) => tokens.filter((token) => token.isThere === isThere);
  const meanOf = (isThere: boolean) =>
    meanEstimate(of(isThere), imageOf, (token) => token.elbow, { seed });
  const elbows = (isThere: boolean) => of(isThere).map((token) => token.elbow);
  const area = aurocEstimate(
    tokens,
    imageOf,
    (token) => token.elbow,
    ({ isThere }) => !isThere,
    { seed },
  );
  const test = rankTest(elbows(false), elbows(true));
  const [invented, there] = [meanOf(false), meanOf(true)];
  return {
    row: {
      invented: invented.n,
      "their k": estimateText(invented),
      true: there.n,
      "k of true": estimateText(there),
      AUROC: estimateText(area),
      p: test === null ? null : pText(test.p),
    },
    sentence: `the elbow lies at k = ${estimateText(invented)} where an object is invented (n = ${invented.n}), at ${estimateText(there)} where it is there (n = ${there.n}); AUROC ${estimateText(area)}${test === null ? "" : `, rank test p ${pText(test.p)}`}. ${area.value === null ? UNTOLD : VERDICTS[against(area, 0.5)]}`,
  };
}

const VERDICTS = {
  agrees: "As in the paper, more tokens compete where an object is invented.",
  contradicts: "Against the paper, fewer tokens compete where an object is invented.",
  open: "The paper's difference is not shown.",
};

/** Where there is nothing to compare. */
const UNTOLD = "Nothing can be said of the paper's difference: there are not both.";

/** Mean probability at each of the first ranks. */
function curve(tokens: readonly FirstToken[], isThere: boolean, seed: number): Series {
  const some = tokens.filter((token) => token.isThere === isThere);
  const label = isThere ? "object that is there" : "invented object";
  return {
    label: `${label} (n = ${some.length})`,
    points: Array.from({ length: DRAWN }, (_, rank) => ({
      x: rank + 1,
      ...meanEstimate(
        some,
        ({ image }) => image,
        ({ probabilities }) => probabilities[rank] ?? 0,
        { seed },
      ),
    })),
  };
}
