import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Method, MethodRun, MethodSession } from "../engine/method.js";
import { askAboutImages } from "../engine/view.js";
import { ELEMENT_PROMPT } from "../objects/ask-about.js";
import { anyElement, type ElementForm } from "./ask-back.js";
import { carried, carriedSetting } from "./carried.js";
import { makeDrafts, sessionToGoOn } from "./make-drafts.js";
import type { MethodEntry } from "./method-entry.js";
import { type DraftText, draftReader, objectNames, readShown } from "./read-draft.js";
import { regular } from "./regular.js";

/** Options of {@link selfval}. */
export interface SelfvalOptions {
  /** "best": the sample whose objects are likeliest. "aggregate": one answer made of what is likely in all. Default "best". */
  readonly mode?: "best" | "aggregate";
  /** Samples N. Default the authors': 5 for "best", 3 for "aggregate". */
  readonly samples?: number;
  /** Temperature of the samples where the request is greedy. Default 0.5, the authors'. */
  readonly temperature?: number;
  /** Mode "aggregate" leaves out what names an object of at most this LPFV, in [0, 1]. Default 0.01. */
  readonly threshold?: number;
  /** What the model is asked for an object with. Default the authors' prompt. */
  readonly prompt?: string;
  /**
   * "spellings": an object's chance is that of all its spellings. "official": of the capitalised one alone, among the 50
   * likeliest tokens at each position, as the authors' code has it. Default "spellings".
   */
  readonly form?: ElementForm;
  /** Objects that count besides CHAIR's 80, separated by commas. */
  readonly objects?: string;
  /** The method that answers. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  mode: {
    type: "choice",
    choices: ["best", "aggregate"],
    default: "best",
    summary: "the best sample, or one answer made of all",
  },
  samples: {
    type: "integer",
    min: 1,
    max: 64,
    default: null,
    summary: "samples: 5 for best, 3 for aggregate where not given",
  },
  temperature: {
    type: "number",
    min: 0,
    max: 100,
    default: 0.5,
    flag: "sample-temperature",
    summary: "temperature of the samples of a greedy request",
  },
  threshold: {
    type: "number",
    min: 0,
    max: 1,
    default: 0.01,
    summary: "aggregate leaves out objects of at most this LPFV",
  },
  prompt: {
    type: "text",
    default: ELEMENT_PROMPT,
    flag: "element-prompt",
    summary: "what the model is asked for an object with",
  },
  form: {
    type: "choice",
    choices: ["spellings", "official"],
    default: "spellings",
    summary: "all spellings of an object, or as the authors' code",
  },
  objects: {
    type: "text",
    default: null,
    summary: "objects besides CHAIR's 80, separated by commas",
  },
  method: { type: "method", default: null, summary: "the method that answers" },
} as const satisfies SettingsSchema;

/** The authors' numbers of samples, by mode. */
const SAMPLES = { best: 5, aggregate: 3 };

/**
 * SelfVal: several answers are sampled, and of each object that they name the model is asked how likely it is to name it
 * for any element of the image, so that no language prior of the answer so far counts.
 *
 *     LPFV(o) = prod_k p(o_k | image, prompt, o_<k);  score of an answer = mean of LPFV over the objects it names, 1 without any
 *
 * "best" gives the sample with the highest score; "aggregate" asks for one description given all clauses of the samples
 * that name no object of LPFV <= threshold.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Liu et al. 2026 (arXiv 2601.22451)
 */
export function selfval(options: SelfvalOptions = {}): Method {
  const given = checkSettings("selfval", SETTINGS, options);
  const settings = { ...given, samples: given.samples ?? SAMPLES[given.mode] };
  // Refused now, not when samples are read.
  objectNames(settings.objects);
  const { method = regular() } = options;
  return {
    name: "selfval",
    settings: { ...settings, method: carriedSetting(method) },
    ...carried(method, []),
    needs: { ...method.needs, image: true, fullVocabulary: true },
    seeded: true,
    async start(run) {
      const { mode, samples, temperature, prompt, form, objects, threshold } = settings;
      const drafts = await makeDrafts(run, method, samples, temperature, 1);
      const read = draftReader(run.model, objects);
      const texts = drafts.map((draft) => readShown(read, draft));
      const words = [...new Set(texts.flatMap(({ mentions }) => mentions.map(({ word }) => word)))];
      const logs = await anyElement(run, words, prompt, form);
      const chances = new Map(words.map((word, i) => [word, Math.exp(logs[i]!)]));
      const scores = texts.map((text) => captionScore(text, chances));
      const note = (facts: Record<string, JsonValue>) =>
        run.note("selfval", {
          mode,
          chances: Object.fromEntries(chances),
          samples: drafts.map(({ text }) => text),
          scores,
          ...facts,
        });
      if (mode === "aggregate") {
        const clauses = texts.flatMap((text) => certainClauses(text, chances, threshold));
        note({ clauses });
        if (clauses.length > 0) return aggregated(run, method, clauses);
      }
      // Means of the same chances in another order are equal, and the first of them is taken.
      const rounded = scores.map(Math.fround);
      const chosen = rounded.indexOf(Math.max(...rounded));
      note({ chosen });
      return { ...(await sessionToGoOn(method, run)), answer: drafts[chosen]! };
    },
  };
}

/**
 * Mean LPFV of the objects that a text names, each as often as it does; 1 where it names none.
 *
 * @param chances LPFV by word
 */
export function captionScore(
  { mentions }: Pick<DraftText, "mentions">,
  chances: ReadonlyMap<string, number>,
): number {
  if (mentions.length === 0) return 1;
  return mentions.reduce((sum, { word }) => sum + chances.get(word)!, 0) / mentions.length;
}

/** The ends of clauses, as the authors cut them. */
const CLAUSE_END = /[。！？；：，.!?;:,]\s*/g;

/** The clauses of a text that name no object of at most a chance. */
export function certainClauses(
  { text, mentions }: Pick<DraftText, "text" | "mentions">,
  chances: ReadonlyMap<string, number>,
  threshold: number,
): string[] {
  const ends = [...text.matchAll(CLAUSE_END)].map(({ 0: mark, index }) => index + mark.length);
  return [...ends, text.length].flatMap((end, i) => {
    const start = ends[i - 1] ?? 0;
    const named = mentions.filter((mention) => mention.start < end && mention.end > start);
    const clause = text.slice(start, end).trim();
    const isCertain = named.every(({ word }) => chances.get(word)! > threshold);
    return clause !== "" && isCertain ? [clause] : [];
  });
}

/** The method's answer to the request for one description out of many, in the authors' words. */
async function aggregated(
  run: MethodRun,
  method: Method,
  clauses: readonly string[],
): Promise<MethodSession> {
  const view = askAboutImages(
    run.view,
    `Description from different sources:\n${clauses.join("||")}\nGiven the materials above, give the final description:`,
  );
  return method.start({ ...run, view });
}

/** See {@link selfval}. */
export const SELFVAL: MethodEntry = {
  name: "selfval",
  summary:
    "several answers; the one whose objects the model names unprompted, or one made of what is certain",
  paper: "Liu et al. 2026 (arXiv 2601.22451)",
  cost: "1 stream a sample, one short question for all objects; aggregate answers once more",
  settings: SETTINGS,
  create: selfval,
};
