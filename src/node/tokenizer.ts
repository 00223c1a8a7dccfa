import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
import { ModelLoadError } from "../errors.js";
import type { PromptPart, PromptTurn } from "../families/family.js";
import { readJsonFile } from "./read-text-file.js";
import { tokenBytes } from "./token-bytes.js";

/** Tokens that chat templates know by name. */
const NAMED_TOKENS = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map(
  (one) => `${one}_token`,
);

/** A checkpoint's tokenizer, and what its chat templates are filled with. */
export interface CheckpointTokenizer {
  /** Ids of a text, with the tokens that the tokenizer puts around texts (`bos`, for example) if asked. */
  encode(text: string, options: { readonly around: boolean }): number[];
  decode(ids: readonly number[], options: { readonly special: boolean }): string;
  /** Bytes of one token in UTF-8; undefined where the tokenizer does not tell them. */
  bytesOf(id: number): Uint8Array | undefined;
  /** Texts of the control tokens. */
  readonly controls: readonly string[];
  /** Text of the token that begins texts; empty when there is none. */
  readonly beginning: string;
  /** Id of the token for what it does not know; undefined when there is none. */
  readonly unknown: number | undefined;
  /**
   * Templates of text models take a turn's text as it is; they get the texts alone.
   *
   * @throws Error when the template is faulty, or refuses the turns
   */
  render(template: string, turns: readonly PromptTurn[], addGenerationPrompt: boolean): string;
}

/**
 * Reads tokenizer.json and tokenizer_config.json with the two libraries that transformers.js reads them with, so that
 * ids, texts and prompts are the same. transformers.js itself would bring the runtime for browsers, of 141 MB.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when a file is missing or is not understood
 */
export function readTokenizer(path: string): CheckpointTokenizer {
  const [definition, config] = ["tokenizer.json", "tokenizer_config.json"].map((name) => {
    const content = readJsonFile(join(path, name));
    if (typeof content === "object" && content !== null) return content;
    throw new ModelLoadError(`${join(path, name)}: expected an object; found ${typeof content}`);
  }) as [object, Record<string, unknown>];
  const tokenizer = openTokenizer(path, definition, config);
  const added = [...tokenizer.get_added_tokens_decoder().values()];
  const named = namedTokens(config);
  const bytesOf = tokenBytes((definition as { decoder?: unknown }).decoder);
  const compiled = new Map<string, CompiledTemplate>();
  return {
    encode: (text, { around }) => tokenizer.encode(text, { add_special_tokens: around }).ids,
    decode: (ids, { special }) =>
      ids.length === 0 ? "" : tokenizer.decode([...ids], { skip_special_tokens: !special }),
    bytesOf(id) {
      const token = tokenizer.id_to_token(id);
      return token === undefined ? undefined : bytesOf(token);
    },
    controls: added.filter(({ special }) => special).map(({ content }) => content),
    beginning: named.bos_token ?? "",
    unknown: idOf(tokenizer, named.unk_token),
    render(text, turns, addGenerationPrompt) {
      const template = compiled.get(text) ?? compile(text, named);
      compiled.set(text, template);
      return template(turns, addGenerationPrompt);
    },
  };
}

function idOf(tokenizer: Tokenizer, token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  const { ids } = tokenizer.encode(token, { add_special_tokens: false });
  return ids.length === 1 ? ids[0] : undefined;
}

type CompiledTemplate = (turns: readonly PromptTurn[], addGenerationPrompt: boolean) => string;

function compile(text: string, named: Readonly<Record<string, string>>): CompiledTemplate {
  const template = new Template(text);
  const render = (messages: readonly object[], addGenerationPrompt: boolean) =>
    template.render({
      messages,
      add_generation_prompt: addGenerationPrompt,
      tools: null,
      documents: null,
      ...named,
    });
  const takesParts = !wantsText((content) => render([{ role: "user", content }], true));
  return (turns, addGenerationPrompt) =>
    render(
      turns.map(({ role, parts }) => ({
        role,
        content: takesParts ? structuredClone(parts) : textOf(parts),
      })),
      addGenerationPrompt,
    );
}

/** Whether a template takes a turn's content for a text: parts are printed as data then, or refused. */
function wantsText(render: (content: unknown) => string): boolean {
  const question: PromptPart = { type: "text", text: "?" };
  const rendered = [[question], textOf([question])].map((content) => {
    try {
      return render(content);
    } catch {
      return undefined;
    }
  });
  const [ofParts, ofText] = rendered;
  return ofText !== undefined && (ofParts === undefined || ofParts.includes('"type"'));
}

function textOf(parts: readonly PromptPart[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function openTokenizer(path: string, definition: object, config: object): Tokenizer {
  try {
    return new Tokenizer(definition, config);
  } catch (cause) {
    throw new ModelLoadError(
      `${path}: cannot read the tokenizer: ${(cause as Error).message}; expected tokenizer.json as save_pretrained writes it`,
      { cause },
    );
  }
}

/** Texts of the tokens that a template may name. */
function namedTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = NAMED_TOKENS.flatMap((name) => {
    const text = namedText(config, name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(entries);
}

/** Text of the token that a tokenizer_config.json has under a name: an entry is the text, or describes the token. */
export function namedText(
  config: Readonly<Record<string, unknown>>,
  name: string,
): string | undefined {
  const value = config[name] as string | { readonly content?: unknown } | null | undefined;
  const text = typeof value === "object" ? value?.content : value;
  return typeof text === "string" && text !== "" ? text : undefined;
}
