import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Draft, Method, MethodRun } from "../engine/method.js";
import { questionAbout, WORDING } from "../objects/ask-about.js";
import { carried, carriedSetting } from "./carried.js";
import { dropSentences } from "./drop-sentences.js";
import { makeDrafts, sessionToGoOn } from "./make-drafts.js";
import type { MethodEntry } from "./method-entry.js";
import { ObjectChecker } from "./object-checker.js";
import { type DraftText, objectNames, readShown } from "./read-draft.js";
import { regular } from "./regular.js";
import { rewritePhrases } from "./rewrite-phrases.js";

/** Options of {@link verify}. */
export interface VerifyOptions {
  /**
   * What becomes of doubtful objects. "rewrite": the answer goes on anew where one begins; "drop": sentences with one are
   * left out; "best": of several answers the one with fewest. Default "rewrite".
   */
  readonly mode?: "rewrite" | "drop" | "best";
  /** An object is doubtful where ln p(no) - ln p(yes) is above this, in nats. Default 0. */
  readonly threshold?: number;
  /** How the model is asked about an object, with `{object}` in its place. Default that of peer-scitix's evaluation. */
  readonly wording?: string;
  /** Objects that count besides CHAIR's 80, separated by commas. */
  readonly objects?: string;
  /** Most attempts at each place with mode "rewrite". Default 3. */
  readonly rewrites?: number;
  /** Answers to choose among with mode "best", the plain one included. Default 5. */
  readonly samples?: number;
  /** Temperature of further samples where the request is greedy. Default 0.5. */
  readonly temperature?: number;
  /** The method that answers. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  mode: {
    type: "choice",
    choices: ["rewrite", "drop", "best"],
    default: "rewrite",
    summary: "what becomes of doubtful objects",
  },
  threshold: {
    type: "number",
    min: Number.NEGATIVE_INFINITY,
    default: 0,
    summary: "doubtful above this: ln p(no) - ln p(yes), in nats",
  },
  wording: {
    type: "text",
    default: WORDING,
    summary: "how the model is asked about an {object}",
  },
  objects: {
    type: "text",
    default: null,
    summary: "objects besides CHAIR's 80, separated by commas",
  },
  rewrites: { type: "integer", min: 0, default: 3, summary: "most attempts at each place" },
  samples: {
    type: "integer",
    min: 1,
    max: 64,
    default: 5,
    summary: "answers to choose among with mode best",
  },
  temperature: {
    type: "number",
    min: 0,
    max: 100,
    default: 0.5,
    flag: "sample-temperature",
    summary: "temperature of further samples of a greedy request",
  },
  method: { type: "method", default: null, summary: "the method that answers" },
} as const satisfies SettingsSchema;

/** Checked settings of {@link verify}. */
type Settings = ReturnType<typeof checkSettings<typeof SETTINGS>>;

/**
 * Self-verification as a cure: answers with another method, finds the objects that the answer names, asks the model about
 * each of them on the image's prefix, and changes what it doubts itself.
 *
 *     m(o) = ln sum_{no} p - ln sum_{yes} p at the first token of the answer to the question about o;  doubtful where m > threshold
 *
 * An answer without objects ("Yes.") costs what it costs without this. It never becomes empty: what alone is left of an
 * answer stays, and `details.verify` says so.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @throws UnsupportedCapabilityError where the vocabulary has no token for yes or no
 * @see docs/methods/verify.md
 */
export function verify(options: VerifyOptions = {}): Method {
  const settings = checkSettings("verify", SETTINGS, options);
  const { method = regular() } = options;
  // Refused now, not when an answer names an object.
  questionAbout("thing", settings.wording);
  objectNames(settings.objects);
  return {
    name: "verify",
    settings: { ...settings, method: carriedSetting(method) },
    ...carried(method, []),
    needs: { ...method.needs, image: true, fullVocabulary: true },
    ...(settings.mode === "best" ? { seeded: true } : {}),
    async start(run) {
      const checker = new ObjectChecker(run, settings);
      const answer = await verifiedAnswer(run, method, checker, settings);
      return { ...(await sessionToGoOn(method, run)), answer };
    },
  };
}

async function verifiedAnswer(
  run: MethodRun,
  method: Method,
  checker: ObjectChecker,
  { mode, samples, temperature, rewrites }: Settings,
): Promise<Draft> {
  const count = mode === "best" ? samples : 1;
  const drafts = await makeDrafts(run, method, count, temperature);
  const texts = drafts.map((draft) => readShown(checker.read, draft));
  if (texts.every(({ mentions }) => mentions.length === 0)) return drafts[0]!;
  await checker.ask(texts);
  const note = (facts: Record<string, JsonValue>) =>
    run.note("verify", { mode, objects: checker.margins, ...facts });
  if (mode === "best") {
    const best = fewestDoubts(texts, checker);
    note({ samples: drafts.map(({ text }) => text), chosen: best });
    return drafts[best]!;
  }
  const [draft, text] = [drafts[0]!, texts[0]!];
  if (!text.mentions.some((mention) => checker.doubts(mention))) {
    note({});
    return draft;
  }
  const outcome =
    mode === "drop"
      ? dropSentences(text, checker)
      : await rewritePhrases({ run, method, checker, rewrites }, { ...text, draft });
  note({ draft: draft.text, ...outcome.facts });
  if (outcome.draft !== undefined) return outcome.draft;
  // What was put together of tokens is read once, for their log-probabilities.
  const { finishReason: ends } = draft;
  return run.draft(await sessionToGoOn(method, run), { given: outcome.ids, ends });
}

/** The text with fewest doubtful objects; among these the one with most others, the first one where that is equal. */
function fewestDoubts(texts: readonly DraftText[], checker: ObjectChecker): number {
  const scores = texts.map(({ mentions }) => {
    const objects = [...new Set(mentions.map(({ object }) => object))];
    const doubts = objects.filter((object) => checker.doubts({ object })).length;
    return { doubts, others: objects.length - doubts };
  });
  const order = [...scores.keys()].sort(
    (a, b) => scores[a]!.doubts - scores[b]!.doubts || scores[b]!.others - scores[a]!.others,
  );
  return order[0]!;
}

/** See {@link verify}. */
export const VERIFY: MethodEntry = {
  name: "verify",
  summary: "self-verification: asks back about the answer's objects, and changes what is doubtful",
  paper: "as peer-scitix (2026) asks back; the cures are our own",
  cost: "1 stream, a short question for each object; what is rewritten is decoded anew",
  settings: SETTINGS,
  create: verify,
};
