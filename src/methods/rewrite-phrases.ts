import type { JsonValue } from "../engine/json-value.js";
import type { Draft, Method, MethodRun, MethodSession } from "../engine/method.js";
import { endBefore, mentionsIn } from "../objects/sentences.js";
import type { Outcome } from "./drop-sentences.js";
import { sessionToGoOn } from "./make-drafts.js";
import type { ObjectChecker } from "./object-checker.js";
import { type DraftMention, type DraftText, readShown } from "./read-draft.js";

/** What is rewritten by whom. */
export interface Rewriting {
  readonly run: MethodRun;
  readonly method: Method;
  readonly checker: ObjectChecker;
  /** Most attempts at each place. */
  readonly rewrites: number;
}

/** A text; with the draft that it is, where it was decoded as it stands. */
type Written = DraftText & { readonly draft?: Draft };

/** Places that are rewritten at most: an answer that goes on doubtfully for ever is left at that. */
const MOST_PLACES = 32;

/**
 * Goes back to where the first doubtful object begins, and has the method go on from there without the token that began
 * it, nor those that began doubtful ones before; verifies what is new, and so on to the end. Where all attempts at a place
 * name something doubtful again, repeat what was named or say nothing, the sentence ends in front of the phrase.
 */
export async function rewritePhrases(rewriting: Rewriting, first: Written): Promise<Outcome> {
  const { checker } = rewriting;
  const excluded = new Set<number>();
  const left = new Set<string>();
  const changes: JsonValue[] = [];
  let current = first;
  for (let place = 0; place < MOST_PLACES; place++) {
    const doubt = firstDoubt(current, checker, left);
    if (doubt === undefined) break;
    const rewritten = await rewrite(rewriting, current, doubt, excluded, left);
    const next = rewritten ?? (await endedBefore(rewriting.run, checker, current, doubt));
    const how = rewritten !== undefined ? "rewritten" : next === undefined ? "left" : "ended";
    changes.push({ object: doubt.object, how });
    if (next === undefined) left.add(doubt.object);
    else current = next;
  }
  const { ids, draft } = current;
  return { ids, facts: { changes }, ...(draft === undefined ? {} : { draft }) };
}

function firstDoubt(
  { mentions }: DraftText,
  checker: ObjectChecker,
  left: ReadonlySet<string>,
): DraftMention | undefined {
  return mentions.find((mention) => checker.doubts(mention) && !left.has(mention.object));
}

/**
 * The text as it goes on otherwise from a doubtful object on; undefined where every attempt names something doubtful there,
 * only what was named before, or nothing.
 */
async function rewrite(
  { run, method, checker, rewrites }: Rewriting,
  current: Written,
  { token }: DraftMention,
  excluded: Set<number>,
  left: ReadonlySet<string>,
): Promise<Written | undefined> {
  const given = current.ids.slice(0, token);
  let begins = current.ids[token]!;
  for (let attempt = 0; attempt < rewrites; attempt++) {
    excluded.add(begins);
    const session = without(await sessionToGoOn(method, run), token, excluded);
    const draft = await run.draft(session, { given });
    const text = readShown(checker.read, draft);
    await checker.ask([text]);
    const doubt = firstDoubt(text, checker, left);
    const isCertain = doubt === undefined || doubt.token > token;
    const saysNothing = text.ids.length <= token;
    // A stop text there ends the answer, as it was asked to.
    if (saysNothing && draft.finishReason === "stop") return { ...text, draft };
    if (saysNothing) break;
    if (isCertain && saysSomething(text, token)) return { ...text, draft };
    begins = text.ids[token]!;
  }
  return undefined;
}

/** Whether a word stands at a token, and none for an object that stands before it already. */
function saysSomething({ mentions, text, places }: DraftText, token: number): boolean {
  const here = mentions.find((mention) => mention.token === token);
  const isNew = !mentions.some(
    (mention) => mention.token < token && mention.object === here?.object,
  );
  return isNew && /^\s*[\p{L}\p{N}]/u.test(text.slice(places[token]!.start));
}

/**
 * A session that never chooses some tokens at a position. Where the method leaves no others, the model's own logits
 * decide.
 */
function without(
  session: MethodSession,
  position: number,
  excluded: ReadonlySet<number>,
): MethodSession {
  const { streams, commit } = session;
  return {
    streams,
    ...(commit && { commit: commit.bind(session) }),
    scores(outputs, at) {
      const { logits } = outputs[0]!;
      const own = at === position ? logits.slice() : logits;
      const scores = session.scores?.(outputs, at) ?? logits;
      if (at !== position) return scores;
      for (const values of [scores, own]) {
        for (const id of excluded) values[id] = Number.NEGATIVE_INFINITY;
      }
      return scores.some((score) => score > Number.NEGATIVE_INFINITY) ? scores : own;
    },
  };
}

/**
 * The text with a sentence ended in front of a phrase, behind what else the sentence names; without the sentence where
 * it names nothing else before; undefined where nothing would be left.
 */
async function endedBefore(
  run: MethodRun,
  checker: ObjectChecker,
  current: DraftText,
  doubt: DraftMention,
): Promise<Written | undefined> {
  const { ids, places, text, sentences } = current;
  const sentence = sentences.find(({ end }) => end > doubt.start)!;
  const before = mentionsIn(current.mentions, sentence).filter(({ start }) => start < doubt.start);
  const rest = ids.slice(sentence.endToken);
  const previous = before.at(-1);
  if (previous === undefined) {
    const others = [...ids.slice(0, sentence.firstToken), ...rest];
    return others.length === 0 ? undefined : checker.read(others);
  }
  const cut = endBefore(text, previous, doubt);
  const kept = places.findIndex(({ end }) => end > cut);
  const last = text.slice(sentence.start, sentence.end).trim().slice(-1);
  const isMark =
    /[.!?]/.test(last) && run.model.decode([ids[sentence.endToken - 1]!]).trim() === last;
  const mark = isMark ? [ids[sentence.endToken - 1]!] : await run.model.encode(".");
  return checker.read([...ids.slice(0, kept), ...mark, ...rest]);
}
