import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatasetError, InvalidArgumentError } from "../../errors.js";
import {
  BENCHMARKS,
  CAPTION_RULES,
  type CaptionRule,
  type JudgeSetup,
  objectFinder,
  type RunSet,
  type RunSettings,
  readDataFile,
  readRun,
  type StoredAnswer,
} from "../../eval/index.js";
import type { Model, TextModel } from "../../index.js";
import type { ExplanationBase } from "../contract/explanation.js";
import type { SampleIndex } from "../samples/sample-index.js";
import { type CauseControls, causeControls } from "./cause-controls.js";
import { type CauseFigure, countCauses } from "./cause-counts.js";
import { type Checked, checkedAnswers, type ErrorRate, errorRates } from "./error-rates.js";
import {
  type CaptionAnswer,
  checkedPhrases,
  type ExplainedPhrase,
  type ExplainingTools,
  explainPhrases,
  remembered,
} from "./explained-phrases.js";
import { type JudgedAnswers, judgePhrases } from "./judged-phrases.js";
import { misalignmentFindings } from "./misalignment-findings.js";
import { readScenes, type Scene } from "./scenes.js";

/** Options of {@link misalignmentOf}. */
export interface MisalignmentOptions {
  /** The base LLM that the model was tuned from, or "self": the model without its image, an approximation, the default. */
  readonly base?: TextModel | "self";
  /** An index of what the model was tuned on. Without it instruction tuning, style and vision cannot be told apart. */
  readonly index?: SampleIndex;
  /** Images of the index whose samples are looked at; 25 by default, as the authors'. */
  readonly neighbours?: number;
  /** See `CauseOptions`. Default 0. */
  readonly threshold?: 0 | 1;
  /**
   * Truth about the images with colours and places ({@link readScenes}). Default: `scenes.json` beside the truth file of the
   * run's captions where there is one, else that file.
   */
  readonly scenes?: string;
  /**
   * A judge who names the hallucinated phrases, in the place of rules that hold objects, colours, relations and actions
   * against the truth. Asked of answers about images whose truth is known.
   */
  readonly judge?: JudgeSetup;
  /** The method that others are compared with; "regular" by default. */
  readonly reference?: string;
  /** Of the intervals. Default 0. */
  readonly seed?: number;
  /** Stops between two captions. */
  readonly signal?: AbortSignal;
  /** Told after each caption. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What the answers of a run are wrong about, and why. The JSON of `diagnose misalignment`. */
export interface Misalignment {
  readonly schemaVersion: 1;
  readonly run: string;
  readonly model: { readonly id: string; readonly dtype: string; readonly hash: string };
  readonly base: ExplanationBase;
  /** Images of the index of tuning samples; null where there was none. */
  readonly indexed: number | null;
  readonly settings: {
    readonly threshold: 0 | 1;
    readonly neighbours: number;
    readonly reference: string;
    readonly seed: number;
    /** Who named hallucinated phrases; null where rules did. */
    readonly judge: string | null;
  };
  /** Captions, and answers about colours, whose phrases were held against the truth, and their images. */
  readonly captions: number;
  readonly images: number;
  /** By method and by what it is about: object, attribute, relation; recognition, perception, knowledge, reasoning. */
  readonly errors: readonly ErrorRate[];
  /** Hallucinated phrases by method and cause. */
  readonly causes: readonly CauseFigure[];
  /** Of the reference's captions. */
  readonly controls: CauseControls;
  /** Every hallucinated phrase, with its cause and why. */
  readonly phrases: readonly ExplainedPhrase[];
  /** What the figures say, in sentences. */
  readonly findings: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Tells of an evaluation run what its answers are wrong about (objects, attributes, relations; recognition, perception,
 * knowledge, reasoning) and why its captions hallucinate, by method: which method removes which cause.
 *
 * @param folder of the run, which may be unfinished
 * @throws DatasetError when the folder holds no run, or one of another model
 * @throws InvalidArgumentError when the run has no method of the reference's name
 * @throws AbortedError when the signal fires
 */
export async function misalignmentOf(
  model: Model,
  folder: string,
  options: MisalignmentOptions = {},
): Promise<Misalignment> {
  const { base = "self", index, neighbours = 25, threshold = 0, seed = 0 } = options;
  const { reference = "regular", judge, signal, onProgress } = options;
  const run = await readRun(folder, { benchmarks: BENCHMARKS });
  const hash = await model.hash();
  requireModel(folder, run.settings.model, model.info.id, hash);
  const methods = [...new Set(run.settings.series.map(({ method }) => method))];
  if (!methods.includes(reference)) {
    throw new InvalidArgumentError(
      `reference: received ${reference}; the run has ${methods.join(", ")}`,
    );
  }
  const told = run.sets.filter(({ benchmark }) => PHRASED.includes(benchmark.name));
  const scenes = new Map<string, Scene>();
  const captioned: RunSet[] = [];
  for (const set of told) {
    const found = await scenesOf(set, options.scenes);
    if (found === null) continue;
    captioned.push(set);
    for (const [image, scene] of found) scenes.set(image, scene);
  }
  const finder = objectFinder({
    rule: ruleOf(captioned),
    names: new Set([...scenes.values()].flatMap(({ objects }) => objects.map((o) => o.name))),
  });
  const suffix = run.settings.promptSuffix;
  const answers = captioned.flatMap((set) => captionsOf(set, run.answers, suffix));
  const judged = judge === undefined ? null : await judgePhrases(answers, scenes, judge, signal);
  const similar = new Map<string, Promise<readonly string[] | null>>();
  const tools: ExplainingTools = {
    model,
    base,
    finder,
    judged,
    scenes,
    similar: (path) =>
      remembered(similar, path, async () => {
        const found = await index?.nearest(path, neighbours);
        return found?.flatMap(({ texts }) => texts) ?? null;
      }),
    wantsTrue: ({ method, describes }) => describes && method === reference,
    options: { threshold },
    signal,
    onProgress,
  };
  const phrases = await explainPhrases(answers, tools);
  const invented = phrases.filter(({ isTrue }) => isTrue === false);
  const checked = [
    ...captionChecks(answers, tools),
    ...run.sets
      .filter((set) => !captioned.includes(set))
      .flatMap((set) =>
        checkedAnswers(
          set,
          run.answers.filter((one) => one.set === set.name),
        ),
      ),
  ];
  const report = {
    schemaVersion: 1 as const,
    run: folder,
    model: { id: model.info.id, dtype: model.info.dtype, hash },
    base: baseOf(model, base),
    indexed: index?.facts.images ?? null,
    settings: { threshold, neighbours, reference, seed, judge: judge?.judge.name ?? null },
    captions: answers.length,
    images: new Set(answers.map(({ image }) => image)).size,
    errors: errorRates(checked, seed),
    causes: answers.length === 0 ? [] : countCauses(answers, invented, reference, seed),
    controls: causeControls({
      phrases: phrases.filter(({ method }) => method === reference),
      scenes,
      canonical: finder.canonical,
      threshold,
      similar: index === undefined ? null : await byImage(answers, similar),
      seed,
    }),
    phrases: invented,
    warnings: warningsOf(answers, base, index, judged),
  };
  return { ...report, findings: misalignmentFindings(report) };
}

function requireModel(folder: string, asked: RunSettings["model"], id: string, hash: string): void {
  if (asked.hash === hash) return;
  throw new DatasetError(
    `${folder}: a run of model ${asked.id} (${asked.hash === undefined ? "behind a server" : `hash ${asked.hash}`}); received ${id} (hash ${hash}); name that model (--model, --dtype, --adapter)`,
  );
}

function ruleOf(sets: readonly RunSet[]): CaptionRule {
  return CAPTION_RULES.find((rule) => rule === sets[0]?.rule) ?? "colour-aware";
}

/** Benchmarks whose answers are statements, to be held against the truth phrase by phrase. */
const PHRASED: readonly string[] = ["chair", "colours"];

/** What is known of a set's images; null where nobody said more than the questions. */
async function scenesOf(
  { files }: RunSet,
  given: string | undefined,
): Promise<ReadonlyMap<string, Scene> | null> {
  const truth = files?.truth ?? null;
  const known = truth ?? files?.data;
  const beside = known === undefined ? null : join(dirname(known), "scenes.json");
  const path = given ?? (beside !== null && existsSync(beside) ? beside : truth);
  return path === null ? null : readScenes(await readDataFile(path));
}

function captionsOf(
  { name, questions, images, benchmark }: RunSet,
  answers: readonly StoredAnswer[],
  suffix: string,
): CaptionAnswer[] {
  const byId = new Map(questions.map((question) => [question.id, question]));
  return answers.flatMap(({ set, id, method, text }) => {
    const question = set === name ? byId.get(id) : undefined;
    if (question === undefined || question.image === null) return [];
    const { image, prompt } = question;
    const path = join(images, image);
    const describes = benchmark.kind === "caption";
    return [{ set, id, method, image, path, prompt: prompt + suffix, text, describes }];
  });
}

/** Phrases of captions that the truth decides, as right or wrong. */
function captionChecks(answers: readonly CaptionAnswer[], tools: ExplainingTools): Checked[] {
  return answers.flatMap((answer) => {
    const { set, method, image, text } = answer;
    const scene = tools.scenes.get(image);
    const phrases = scene === undefined ? [] : checkedPhrases(text, answer, scene, tools);
    return phrases.flatMap(({ kind, isTrue }): Checked[] => {
      if (isTrue === null) return [];
      const of = kind === "relation-action" ? "relation" : kind;
      return [{ set, method, image, of, isWrong: !isTrue }];
    });
  });
}

function baseOf({ info }: Model, base: TextModel | "self"): ExplanationBase {
  return base === "self"
    ? { id: info.id, kind: "approximation" }
    : { id: base.id, kind: "base-llm" };
}

async function byImage(
  answers: readonly CaptionAnswer[],
  similar: ReadonlyMap<string, Promise<readonly string[] | null>>,
): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { image, path } of answers) {
    const texts = await similar.get(path);
    if (texts) found.set(image, texts);
  }
  return found;
}

function warningsOf(
  answers: readonly CaptionAnswer[],
  base: TextModel | "self",
  index: SampleIndex | undefined,
  judged: JudgedAnswers | null,
): string[] {
  const without = judged?.withoutVerdict ?? 0;
  return [
    ...(without === 0
      ? []
      : [
          `${without} of ${answers.length} answers have no verdict, and none of their phrases counts`,
        ]),
    ...(answers.length === 0
      ? [
          "the run has no captions (chair) and no colours with their truth, so that there are errors and no causes",
        ]
      : []),
    ...(base === "self"
      ? [
          "base ranks are an approximation: those of the model itself without the image. Name its base LLM",
        ]
      : []),
    ...(index === undefined
      ? [
          "without an index of tuning samples nothing but language can be told; make one with 'groundsight index build'",
        ]
      : []),
  ];
}
