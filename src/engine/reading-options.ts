import { checkNames } from "../arguments/check-names.js";
import { shown } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import type { Backend } from "./backend.js";
import { checkRecord } from "./batch-options.js";
import type { Method } from "./method.js";
import type { ReadOptions, ReadRequest } from "./reading.js";
import { type RequestOptions, requestOptions } from "./request-options.js";

/** What stands for a method where nothing is generated. */
const READING: Method = {
  name: "read",
  settings: {},
  needs: {},
  start: ({ view }) => ({ streams: [{ view }] }),
};

/** A reading whose values were checked. */
export interface ReadingOptions {
  readonly request: RequestOptions;
  readonly answer: string | readonly number[];
  readonly options: ReadOptions;
}

/** @throws InvalidArgumentError naming the option, what was received and what is expected */
export function readingOptions(
  request: ReadRequest,
  options: ReadOptions,
  { info, facts }: Pick<Backend, "info" | "facts">,
): ReadingOptions {
  checkRecord("request", request, "{ image, prompt, answer }");
  const names = ["prompt", "image", "turns", "answer", "seed", "signal"] as const;
  checkNames(request, names, "unknown option");
  checkRecord("options of a reading", options, "{ onPosition }");
  checkNames(options, ["streams", "onPosition"], "a reading has no option");
  for (const name of ["streams", "onPosition"] as const) {
    const isMissing = name === "streams" && options[name] === undefined;
    if (isMissing || typeof options[name] === "function") continue;
    throw new InvalidArgumentError(
      `${name}: received ${shown(options[name])}; expected a function`,
    );
  }
  const { answer, ...asked } = request;
  const isText = typeof answer === "string" && answer.trim() !== "";
  const isToken = (id: number) =>
    Number.isInteger(id) && id >= 0 && id < info.vocabularySize && !facts.endTokens.has(id);
  const areTokens = Array.isArray(answer) && answer.length > 0 && answer.every(isToken);
  if (!isText && !areTokens) {
    throw new InvalidArgumentError(
      `answer: received ${shown(answer)}; expected a text that is not empty, or token ids of 0 to ${info.vocabularySize - 1} without an end of text`,
    );
  }
  return { request: requestOptions(asked, { method: READING, maxTokens: 1 }), answer, options };
}

/** @throws InvalidArgumentError when they are no token ids of the model */
export function checkTokens(
  tokens: unknown,
  { vocabularySize }: Pick<Backend["info"], "vocabularySize">,
): readonly number[] {
  const isToken = (id: unknown) =>
    Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabularySize;
  if (Array.isArray(tokens) && tokens.every(isToken)) return tokens;
  throw new InvalidArgumentError(
    `tokens: received ${shown(tokens)}; expected token ids of 0 to ${vocabularySize - 1}`,
  );
}
