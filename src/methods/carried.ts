/** What methods share that carry another one and decode it on edited graphs. */
import type { JsonValue } from "../engine/json-value.js";
import type { ActiveEdit, Method, MethodRun, MethodSession } from "../engine/method.js";
import type { StepOutputs } from "../engine/step.js";

/**
 * What a method takes over from the one that it carries: its needs with edits of its own, whether it is seeded, and its
 * assets.
 */
export function carried(
  { needs, seeded, assets }: Method,
  edits: readonly Pick<ActiveEdit, "edit">[],
): Pick<Method, "needs" | "seeded" | "assets"> {
  return {
    needs: { ...needs, edits: [...edits.map(({ edit }) => edit), ...(needs.edits ?? [])] },
    ...(seeded === true ? { seeded: true } : {}),
    ...(assets === undefined ? {} : { assets }),
  };
}

/** How the settings of a method name the one that it carries. */
export function carriedSetting({ name, settings }: Method): JsonValue {
  return { name, settings };
}

/**
 * The run as the carried method sees it: what it generates beforehand is edited too, and remembered apart.
 *
 * @param name tells edits and strengths from others
 */
export function editedRun(run: MethodRun, edits: readonly ActiveEdit[], name: string): MethodRun {
  return {
    ...run,
    generate: (stream, options) =>
      run.generate({ ...stream, edits: [...edits, ...(stream.edits ?? [])] }, options),
    remember: (key, make, bytes) => run.remember(`${name}/${key}`, make, bytes),
  };
}

/**
 * Starts the carried method, with a change made to what is decoded: its session or, where it makes drafts of its answer,
 * theirs.
 */
export async function startChanged(
  method: Method,
  run: MethodRun,
  change: (session: MethodSession) => MethodSession,
): Promise<MethodSession> {
  const changed = (session: MethodSession): MethodSession => {
    const { answer } = session;
    return { ...change(session), ...(answer === undefined ? {} : { answer }) };
  };
  const draft: MethodRun["draft"] = (session, options) => run.draft(changed(session), options);
  return changed(await method.start({ ...run, draft }));
}

/** The carried method's session with every stream edited. */
export function withEdits(session: MethodSession, edits: readonly ActiveEdit[]): MethodSession {
  const [first, ...others] = session.streams.map((stream) => ({
    ...stream,
    edits: [...edits, ...(stream.edits ?? [])],
  }));
  return {
    streams: [first!, ...others],
    ...(session.scores && { scores: session.scores.bind(session) }),
    ...(session.commit && { commit: session.commit.bind(session) }),
  };
}

/**
 * The carried method's session with its scores, which take the place of the last layer's logits, changed by what edits
 * read out of the stream that the answer belongs to.
 *
 * @param score may overwrite the scores (V) that it is given
 */
export function scoredBehind(
  session: MethodSession,
  edits: readonly ActiveEdit[],
  score: (scores: Float32Array, readings: NonNullable<StepOutputs["readings"]>) => Float32Array,
): MethodSession {
  const [first, ...others] = session.streams;
  return {
    streams: [{ ...first, edits: [...(first.edits ?? []), ...edits] }, ...others],
    scores(outputs, position) {
      const [{ logits, readings = {} }] = outputs as [StepOutputs];
      return score(session.scores?.(outputs, position) ?? logits, readings);
    },
    ...(session.commit && { commit: session.commit.bind(session) }),
  };
}
