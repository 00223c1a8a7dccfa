import type { JsonValue, Method, MethodSession } from "../../index.js";
import { argMax } from "../../math/arg-max.js";
import { type YesNoTokens, yesAhead } from "../../objects/yes-no-tokens.js";
import type { Observations } from "../store/stored-rows.js";

/** What is looked at while a method answers. */
export interface Observed {
  /** Tokens whose log-probabilities are compared at the first position; null where the question is no yes or no. */
  readonly tokens: YesNoTokens | null;
  /** Whether the best token is chosen, so that a method does nothing unless it changes which one that is. */
  readonly greedy: boolean;
}

/** Under this name what was seen stands in an answer's details. */
const NOTE = "observed";

/**
 * The same method, looked at while it answers: how far yes was ahead of no in the raw logits of its first stream, and at
 * how many positions its scores are not those logits. Scores are not touched.
 */
export function observed(method: Method, { tokens, greedy }: Observed): Method {
  // What is no method is left for the model to refuse.
  if (typeof method?.start !== "function") return method;
  return {
    name: method.name,
    settings: method.settings,
    needs: method.needs,
    ...(method.seeded === true ? { seeded: true } : {}),
    ...(method.assets === undefined ? {} : { assets: method.assets }),
    async start(run) {
      const session = await method.start(run);
      const stream = session?.streams?.[0];
      if (stream === undefined) return session;
      // What was answered beforehand was not looked at.
      if (session.answer !== undefined) return session;
      const isEdited = stream.edits?.some(({ strength }) => strength !== 0) === true;
      // The first stream of a method that changes image, text or layers does not show what the model would say itself.
      const changed = stream.view === run.view && !isEdited ? 0 : undefined;
      const note = (seen: Observations) => run.note(NOTE, seen as Record<string, JsonValue>);
      return looking(session, { tokens, greedy }, changed === undefined ? {} : { changed }, note);
    },
  };
}

function looking(
  session: MethodSession,
  { tokens, greedy }: Observed,
  start: Observations,
  note: (seen: Observations) => void,
): MethodSession {
  let seen = start;
  let before = new Float32Array(0);
  const see = (more: Observations) => {
    seen = { ...seen, ...more };
    note(seen);
  };
  see({});
  const { streams } = session;
  const rest = {
    streams,
    ...(session.commit && { commit: session.commit.bind(session) }),
  };
  if (session.scores === undefined && tokens === null) return rest;
  return {
    ...rest,
    scores(outputs, position) {
      const { logits, known } = outputs[0]!;
      if (position === 0 && tokens !== null && known === undefined) see(yesAhead(logits, tokens));
      if (session.scores === undefined) return logits;
      if (seen.changed === undefined) return session.scores(outputs, position);
      if (before.length !== logits.length) before = new Float32Array(logits.length);
      before.set(logits);
      const scores = session.scores(outputs, position);
      const differs = greedy ? argMax(scores) !== argMax(before) : !isShifted(scores, before);
      if (differs) see({ changed: seen.changed + 1 });
      return scores;
    },
  };
}

/** Scores in nats closer than this are the same: what rounding leaves of a constant that was added. */
const ROUNDING = 1e-3;

/** Whether scores are logits up to one constant, so that they draw the same tokens. */
function isShifted(scores: Float32Array, logits: Float32Array): boolean {
  const best = argMax(logits);
  const shift = scores[best]! - logits[best]!;
  if (!Number.isFinite(shift)) return false;
  for (let i = 0; i < logits.length; i++) {
    if (scores[i] === logits[i]! + shift) continue;
    if (!(Math.abs(scores[i]! - logits[i]! - shift) <= ROUNDING)) return false;
  }
  return true;
}

/** What was seen of an answer, by its details; nothing where the model took the method by name alone. */
export function observationsOf(details: Readonly<Record<string, JsonValue>>): Observations {
  return (details[NOTE] ?? {}) as Observations;
}
