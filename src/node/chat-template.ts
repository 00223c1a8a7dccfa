import { join } from "node:path";
import { createContext, Script } from "node:vm";
import { shown } from "../arguments/numbers.js";
import { ModelLoadError } from "../errors.js";
import { readJsonFile, readTextFile } from "./read-text-file.js";

/** The processor's time that a template may take for one prompt. Templates of chat models take less than 5 ms. */
const LIMIT_MS = 1000;

/** A checkpoint's chat template, with the file that it was found in. */
export interface ChatTemplate {
  readonly text: string;
  readonly file: string;
}

/**
 * The chat template of a checkpoint, looked for where `save_pretrained` of old and new versions puts it: the
 * processor's first, since it takes images.
 *
 * @param path the checkpoint's folder
 * @param usual the one that checkpoints of its family go without, where they do
 * @throws ModelLoadError when there is none, or it is no text
 */
export function readChatTemplate(path: string, usual?: string): ChatTemplate {
  const jinja = join(path, "chat_template.jinja");
  const text = readTextFile(jinja);
  if (text !== undefined) return { text: notEmpty(jinja, text), file: jinja };
  for (const name of ["chat_template.json", "processor_config.json", "tokenizer_config.json"]) {
    const file = join(path, name);
    const content = readJsonFile(file) as { chat_template?: unknown } | null | undefined;
    const found = content?.chat_template;
    if (found !== undefined && found !== null) return { text: templateText(file, found), file };
  }
  if (usual !== undefined) return { text: usual, file: "the family's own" };
  throw new ModelLoadError(
    `${path} has no chat template; expected chat_template.jinja, or chat_template in chat_template.json, processor_config.json or tokenizer_config.json`,
  );
}

function notEmpty(file: string, text: string): string {
  if (text.trim() !== "") return text;
  throw new ModelLoadError(
    `${file}: the chat template is empty; expected one that puts prompts together`,
  );
}

/** Of several templates, listed or by name, the one named "default". */
function templateText(file: string, found: unknown): string {
  if (typeof found === "string") return notEmpty(file, found);
  const named: Record<string, unknown> = Array.isArray(found)
    ? Object.fromEntries(found.map((one) => [one?.name, one?.template]))
    : { ...(found as object) };
  const text = Object.hasOwn(named, "default") ? named.default : undefined;
  if (typeof text === "string") return text;
  throw new ModelLoadError(
    `${file}: chat_template is ${shown(found)}; expected a text, or several with one named "default"`,
  );
}

/**
 * Runs a template for a limited time. It is a program of the checkpoint's author, and loops as long as it likes. What
 * counts is the processor's time, so that a machine that is busy with other things ends no answer: a template that was
 * ended before it had its time begins again.
 *
 * @param task has no effects but its result
 * @throws Error what the task throws, or that it took too long
 */
export function withinTemplateTime<Result>(task: () => Result): Result {
  const begun = process.cpuUsage();
  SANDBOX.task = task;
  try {
    for (;;) {
      try {
        return RUN.runInContext(SANDBOX, { timeout: LIMIT_MS }) as Result;
      } catch (error) {
        if ((error as NodeJS.ErrnoException)?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
        const { user, system } = process.cpuUsage(begun);
        if (user + system < ENOUGH_MICROSECONDS) continue;
        throw new Error(`it took longer than ${LIMIT_MS} ms`, { cause: error });
      }
    }
  } finally {
    SANDBOX.task = undefined;
  }
}

// A little less than the limit: the clocks of timer and processor differ, and a template that has had all of its time
// need not have it twice.
const ENOUGH_MICROSECONDS = LIMIT_MS * 900;

// The context holds nothing: it is there for its time limit, which also ends what it calls outside.
const SANDBOX: { task: unknown } = createContext({ task: undefined }) as { task: unknown };
const RUN: Script = new Script("task()");
