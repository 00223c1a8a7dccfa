import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatasetError, InvalidArgumentError } from "../../errors.js";
import { BENCHMARKS } from "../benchmarks/registry.js";
import type { Benchmark, Question } from "../contract/benchmark.js";
import { listed } from "../data/parse-rows.js";
import { readDataFile } from "../data/read-data-file.js";
import { sha256 } from "../data/sha-256.js";
import { requirePromptVariant } from "../define/prompt-variant.js";
import { requireRule } from "../scoring/benchmark-rules.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import type { SetSettings } from "../store/run-settings.js";
import type { SetSource } from "../store/run-sources.js";
import type { DevSplit, SplitPart } from "../store/tuned.js";
import type { PlannedSet } from "./run-evaluation.js";
import { imageOf, isAbout, splitQuestions } from "./split-questions.js";

/** One benchmark file to be run. */
export interface SetRequest {
  readonly benchmark: Benchmark;
  /** The module that declares a benchmark of one's own: the run remembers its place and what it held. */
  readonly module?: string;
  readonly data: string;
  readonly truth: string | null;
  /** Folder of the images. */
  readonly images: string;
  readonly rule: string;
  /** Ask only about the first so many images (of the part); null for all. */
  readonly limit: number | null;
  /** One of the benchmark's prompt variants, which the set is then named by too; its first by default. */
  readonly promptVariant?: string;
  /** Ask only one part of the questions; all of them by default. */
  readonly split?: SplitPart | undefined;
  /** Of a file with such an image, ask only the test part where `split` says nothing: settings were tuned on them. */
  readonly heldOut?: HeldOut | undefined;
}

/** Images that settings were tuned on, and the split that they were the dev part of. */
export interface HeldOut {
  readonly split: DevSplit;
  readonly images: ReadonlySet<string>;
}

/** A benchmark file with its questions read and its images found. */
export interface RunSet extends PlannedSet {
  readonly benchmark: Benchmark;
  readonly rule: string;
  readonly images: string;
  /** Where the questions were read. */
  readonly files?: Omit<SetSource, "name" | "images">;
  readonly settings: SetSettings;
}

/** Settings of {@link planRun}. */
export interface PlanOptions {
  /** Refuse sets whose images are missing; true by default. */
  readonly needsImages?: boolean;
}

/**
 * Reads the questions of each set and makes sure that every image is there, before anything is run.
 *
 * @throws DatasetError naming file and line for broken rows and missing images
 * @throws InvalidArgumentError when two sets have one name, or a rule or primary metric is unknown
 */
export async function planRun(
  requests: readonly SetRequest[],
  { needsImages = true }: PlanOptions = {},
): Promise<RunSet[]> {
  const planned = await Promise.allSettled(requests.map((one) => planSet(one, needsImages)));
  const sets = allOf(planned);
  const names = sets.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) < index);
  if (repeated !== undefined) {
    throw new InvalidArgumentError(
      `two sets are called ${repeated}; expected data files with different names`,
    );
  }
  return sets;
}

/** All sets, or the faults of all files at once. */
function allOf(planned: readonly PromiseSettledResult<RunSet>[]): RunSet[] {
  const failed = planned.flatMap((one) =>
    one.status === "rejected" ? [one.reason as unknown] : [],
  );
  const [first, ...others] = failed;
  const ofData = failed.filter((error) => error instanceof DatasetError);
  if (others.length > 0 && ofData.length === failed.length) {
    throw new DatasetError(ofData.map(({ message }) => message).join("\n"), { cause: first });
  }
  if (first !== undefined) throw failed.find((error) => !(error instanceof DatasetError)) ?? first;
  return planned.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

async function planSet(request: SetRequest, needsImages: boolean): Promise<RunSet> {
  const { benchmark, rule, limit, images, promptVariant } = request;
  requireRule(benchmark, rule);
  primaryMetricOf(benchmark);
  const data = await readDataFile(request.data);
  const truth = request.truth === null ? null : await readDataFile(request.truth);
  requirePromptVariant(benchmark, promptVariant);
  const all = benchmark.load({ data, truth }, promptVariant);
  const split = request.split ?? testPart(all, request.heldOut);
  const part = split === undefined ? all : splitQuestions(all, split);
  const questions = limit === null ? part : aboutFirstImages(part, limit);
  if (questions.length === 0) {
    const where = split === undefined ? "" : ` in its ${split.part} part`;
    throw new DatasetError(`${request.data}: no question to ask${where}`);
  }
  if (needsImages) await requireImages(questions, images);
  const file = basename(request.data).replace(/\.[^.]+$/, "");
  const name = promptVariant === undefined ? file : `${file}-${promptVariant}`;
  const settings: SetSettings = {
    name,
    benchmark: benchmark.name,
    rule,
    data: sha256(data.text),
    truth: truth === null ? null : sha256(truth.text),
    questions: questions.length,
    ...(BENCHMARKS.includes(benchmark) ? {} : { asked: askedHash(questions) }),
    ...(promptVariant === undefined ? {} : { promptVariant }),
    ...(limit === null ? {} : { firstImages: limit }),
    ...(split === undefined ? {} : { split }),
    maxTokens: benchmark.maxNewTokens,
  };
  const files = { data: request.data, truth: request.truth, ...(await moduleOf(request)) };
  const { maxNewTokens: maxTokens } = benchmark;
  return { name, benchmark, rule, images, files, questions, maxTokens, settings };
}

async function moduleOf({ module: path }: SetRequest): Promise<Pick<SetSource, "module">> {
  return path === undefined ? {} : { module: { path, sha256: sha256(await readFile(path)) } };
}

/** What is asked by a benchmark of one's own, whose code may change while its file does not. */
function askedHash(questions: readonly Question[]): string {
  return sha256(JSON.stringify(questions.map(({ id, image, prompt }) => [id, image, prompt])));
}

function testPart(
  questions: readonly Question[],
  heldOut: HeldOut | undefined,
): SplitPart | undefined {
  if (heldOut === undefined) return undefined;
  const isTouched = questions.some(isAbout(heldOut.images));
  return isTouched ? { part: "test", ...heldOut.split } : undefined;
}

/** All questions about the images that are asked about first; a question without image counts as one. */
function aboutFirstImages(questions: readonly Question[], limit: number): Question[] {
  const first = new Set([...new Set(questions.map(imageOf))].slice(0, limit));
  return questions.filter((question) => first.has(imageOf(question)));
}

async function requireImages(questions: readonly Question[], folder: string): Promise<void> {
  const first = new Map<string, Question>();
  for (const question of questions) {
    if (question.image !== null && !first.has(question.image)) first.set(question.image, question);
  }
  const problems: string[] = [];
  for (const [image, { where }] of first) {
    const path = join(folder, image);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (!found) problems.push(`${where}: image ${path} is missing`);
  }
  if (problems.length > 0) throw new DatasetError(listed(problems));
}
