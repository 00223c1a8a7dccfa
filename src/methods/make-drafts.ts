import type { Draft, Method, MethodRun, MethodSession } from "../engine/method.js";

/**
 * Some answers of a method to what is asked, made together. The first is its plain answer; the others have draws of
 * their own, fixed by the request's seed.
 *
 * @param temperature of the others where the request is greedy
 * @param first number of the first one's draw; 0, the plain answer, where left out
 */
export function makeDrafts(
  run: MethodRun,
  method: Method,
  count: number,
  temperature: number,
  first = 0,
): Promise<Draft[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const own = first + i === 0 ? run : drawnRun(run, `sample ${first + i}`, temperature);
      return own.draft(await method.start(own));
    }),
  );
}

/** The run of another sample: methods that draft themselves draw anew, too. */
function drawnRun(run: MethodRun, name: string, ofGreedy: number): MethodRun {
  const temperature = run.temperature === 0 ? ofGreedy : run.temperature;
  return {
    ...run,
    temperature,
    draft: (session, options = {}) => {
      const draw = options.draw === undefined ? name : `${name}, ${options.draw}`;
      return run.draft(session, { temperature, ...options, draw });
    },
  };
}

const NOTHING: Draft = { text: "", tokens: [], finishReason: "length" };

/**
 * The session with which a method goes on behind tokens of a draft that it made: where it drafts its answers itself, that
 * of what decodes them. Nothing is drafted or told again.
 */
export async function sessionToGoOn(method: Method, run: MethodRun): Promise<MethodSession> {
  const draft = () => Promise.resolve(NOTHING);
  const { answer: _, ...session } = await method.start({ ...run, draft, note: () => undefined });
  return session;
}
