import { parse } from "node:path";
import { objectFinder, readObjectAnnotations, writeFileAtomically } from "../../eval/index.js";
import {
  InvalidArgumentError,
  loadTextModel,
  type Model,
  type SettingsSchema,
  type TextModel,
} from "../../index.js";
import { ELEMENT_PROMPT } from "../../objects/ask-about.js";
import type { Analysis, AnalysisContext, Findings } from "../contract/analysis.js";
import { explainAnswer } from "../evidence/explain-answer.js";
import { assessTrust, shippedCalibration } from "../trust/assess-phrases.js";
import { calibratedTrust, type TrustCalibration } from "../trust/calibration.js";
import { fitCalibration } from "../trust/fit-calibration.js";
import { readCalibration } from "../trust/read-calibration.js";
import { checkSignals, type SignalName, type Signals } from "../trust/signals.js";
import { modelCaptions } from "./captions.js";
import { keepOne } from "./kept-work.js";
import { reportTrust } from "./trust-report.js";

const NONE = "none";
const SHIPPED = "shipped";

const SETTINGS = {
  fit: {
    type: "text",
    default: NONE,
    summary: "file to write a calibration to, fitted on captions.jsonl",
  },
  calibration: {
    type: "text",
    default: SHIPPED,
    summary: "file of a calibration to try, or 'shipped' for that of the package for the model",
  },
  signals: {
    type: "text",
    default: "verification,anyElement,logprob,entropy,distorted,imageless",
    summary: "signals that a fit combines, separated by commas",
  },
  others: {
    type: "text",
    default: "attention,logitLens",
    summary: "further signals to report, or 'none'; attention is read token by token",
  },
  kept: {
    type: "number",
    min: 50,
    max: 100,
    default: 95,
    summary: "share of true objects that a fitted threshold keeps, in percent",
  },
  wording: {
    type: "text",
    default: "Is there a {object} in the image?",
    summary: "how the model is asked back",
  },
  elementPrompt: {
    type: "text",
    default: ELEMENT_PROMPT,
    summary: "how it is asked for any element of the image",
  },
  base: { type: "text", default: NONE, summary: "base LLM, for base ranks" },
  maxTokens: { type: "integer", min: 1, default: 128, summary: "longest caption, in tokens" },
} as const satisfies SettingsSchema;

type Context = AnalysisContext<typeof SETTINGS>;

const FIT_FILE = "captions.jsonl";
/** Captions in their own style and in others; those that a folder has. */
const FILES = [FIT_FILE, "ood_captions.jsonl"];

const BASE_SIGNALS: readonly SignalName[] = ["baseRank"];

/** An object that the model's caption names. */
export interface TrustedObject {
  readonly image: string;
  readonly isThere: boolean;
  readonly signals: Signals;
}

/** Detection of invented objects (Jiang et al. 2025; arXiv 2601.22451). */
export const trust: Analysis = {
  name: "trust",
  summary: "how well each signal, and their combination, tells invented objects from true ones",
  paper:
    "Self-verification: asked back, models deny the objects that they invented, with AUROC .89 to .94 on LLaVA-1.5, Qwen2.5-VL and InstructBLIP (LPFV .85, logit lens .82; arXiv 2601.22451 and its re-evaluations).",
  needs: { model: true, files: [FIT_FILE, "objects_by_image.json"] },
  settings: SETTINGS,
  run,
};

async function run(context: Context): Promise<Findings> {
  const { model, settings, seed } = context;
  const fit = settings.fit === NONE ? null : settings.fit;
  if (fit !== null && settings.calibration !== SHIPPED) {
    throw new InvalidArgumentError("trust: received fit and calibration; expected one of them");
  }
  const combined = signalNames(settings.signals);
  const others = settings.others === NONE ? [] : signalNames(settings.others);
  const given = fit === null ? await calibrationNamed(settings.calibration, model) : null;
  const asked = given ?? { wording: settings.wording, elementPrompt: settings.elementPrompt };
  const signals = [
    ...(given?.signals.map(({ name }) => name) ?? []),
    ...[...combined, ...others, ...(settings.base === NONE ? [] : BASE_SIGNALS)],
  ];
  const files = fit === null ? FILES.filter((file) => context.data.has(file)) : [FIT_FILE];
  const base = settings.base === NONE ? null : await loadTextModel(settings.base);
  const sets: { name: string; captions: number; objects: TrustedObject[] }[] = [];
  const warnings = new Set<string>();
  try {
    for (const [i, file] of files.entries()) {
      const found = await objectsOf(context, file, {
        asked,
        signals,
        base,
        part: [i, files.length],
      });
      for (const warning of found.warnings) warnings.add(warning);
      sets.push({ name: parse(file).name, ...found });
    }
  } finally {
    await base?.dispose();
  }
  const fitted =
    fit === null ? given : await fitTo(fit, context, { ...sets[0]!, signals: combined });
  const scored = sets.map((set) => ({
    ...set,
    objects: set.objects.map((object) => ({
      ...object,
      trust: fitted === null ? null : calibratedTrust(fitted, object.signals).trust,
    })),
  }));
  const findings = reportTrust(scored, fitted, { seed, inSample: fit !== null });
  return { ...findings, warnings: [...warnings] };
}

/** The model's captions of a file, and the signals of all objects that they name. */
async function objectsOf(
  context: Context,
  file: string,
  {
    asked,
    signals,
    base,
    part: [part, parts],
  }: {
    readonly signals: readonly SignalName[];
    readonly asked: Pick<TrustCalibration, "wording" | "elementPrompt">;
    readonly base: TextModel | null;
    readonly part: readonly [number, number];
  },
): Promise<{ captions: number; objects: TrustedObject[]; warnings: string[] }> {
  const { model, data, settings, seed, signal, progress, keep } = context;
  const truth = readObjectAnnotations(await data.file("objects_by_image.json"));
  const names = [...new Set([...truth.values()].flat())];
  const { canonical } = objectFinder({ rule: "colour-aware", names });
  let done = 0;
  const captions = await modelCaptions(context, file, settings.maxTokens);
  const assess = assessTrust({
    names,
    ...asked,
    calibration: null,
    signals,
  });
  const objects: TrustedObject[] = [];
  const warnings = new Set<string>();
  for (const { image, prompt, answer } of captions) {
    const there = new Set((truth.get(image) ?? []).map(canonical));
    const request = {
      image: data.image(image),
      prompt,
      answer: answer.tokens.map(({ id }) => id),
      seed,
      signal,
    };
    const key = [request, names, asked, signals, await base?.hash()];
    const told = await keepOne(keep, key, async () => {
      const { phrases, warnings } = await explainAnswer(model, request, { base, top: 0, assess });
      return { phrases, warnings };
    });
    for (const { object, signals } of told.phrases) {
      objects.push({ image, isThere: there.has(object!), signals: signals as Signals });
    }
    for (const warning of told.warnings) warnings.add(warning);
    progress(captions.length * part + ++done, captions.length * parts);
  }
  const kept = [...warnings].filter((warning) => !warning.startsWith("trust: there is no"));
  return { captions: captions.length, objects, warnings: kept };
}

async function fitTo(
  path: string,
  { model, data, settings }: Context,
  set: {
    readonly captions: number;
    readonly objects: readonly TrustedObject[];
    readonly signals: readonly SignalName[];
  },
): Promise<TrustCalibration> {
  const { objects } = set;
  const { wording, elementPrompt, kept } = settings;
  const { id, dtype } = model.info;
  const calibration: TrustCalibration = {
    schemaVersion: 1,
    model: { id, dtype, hash: await model.hash() },
    data: {
      name: data.name,
      captions: set.captions,
      objects: objects.length,
      invented: objects.filter(({ isThere }) => !isThere).length,
    },
    wording,
    elementPrompt,
    noiseStep: 500,
    ...fitCalibration(objects, { signals: set.signals, kept }),
  };
  await writeFileAtomically(path, `${JSON.stringify(calibration, null, 2)}\n`);
  return calibration;
}

async function calibrationNamed(path: string, model: Model): Promise<TrustCalibration | null> {
  return path === SHIPPED ? shippedCalibration(await model.hash()) : readCalibration(path);
}

function signalNames(text: string): SignalName[] {
  const names = text.split(",").flatMap((name) => name.trim() || []) as SignalName[];
  checkSignals(names);
  return names;
}
