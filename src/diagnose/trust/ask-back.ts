/** What a model says of objects when it is asked about them: `verifyObjects` and `anyElement` outside of a method. */
import {
  type AskingRun,
  anyElement as anyElementIn,
  type ImageSource,
  type Method,
  type Model,
  verifyObjects as verifyObjectsIn,
} from "../../index.js";

/** How objects are asked about. */
export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}

/** For each object how far no is ahead of yes, in nats; see {@link verifyObjectsIn}. */
export function verifyObjects(
  model: Model,
  image: ImageSource,
  objects: readonly string[],
  { wording, signal }: AskOptions & { readonly wording: string },
): Promise<number[]> {
  return within(model, image, signal, (run) => verifyObjectsIn(run, objects, wording));
}

/** For each object its LPFV, in nats; see {@link anyElementIn}. */
export function anyElement(
  model: Model,
  image: ImageSource,
  objects: readonly string[],
  { prompt, signal }: AskOptions & { readonly prompt: string },
): Promise<number[]> {
  return within(model, image, signal, (run) => anyElementIn(run, objects, prompt));
}

/** Asks as a method does that answers nothing itself. */
async function within(
  model: Model,
  image: ImageSource,
  signal: AbortSignal | undefined,
  ask: (run: AskingRun) => Promise<number[]>,
): Promise<number[]> {
  let asked: number[] = [];
  const method: Method = {
    name: "ask-back",
    settings: {},
    needs: { image: true, fullVocabulary: true },
    async start(run) {
      asked = await ask(run);
      return {
        streams: [{ view: run.view }],
        answer: { text: "", tokens: [], finishReason: "eos" },
      };
    },
  };
  const rest = signal === undefined ? {} : { signal };
  await model.generate({ image, prompt: "?", method, ...rest });
  return asked;
}
