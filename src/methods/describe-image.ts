import type { MethodRun } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { DescriptionTable } from "./description-table.js";

/** Where the description of an image comes from. */
export interface DescriptionOptions {
  /** A description to use instead of the model's own, for example a person's or a stronger model's. */
  readonly description?: string;
  /** What the model is asked for a description with. Default {@link DESCRIBE_PROMPT}. */
  readonly describePrompt?: string;
  /** Most tokens of the model's description, at least 1. Default 128. */
  readonly descriptionTokens?: number;
}

/** Names of {@link DescriptionOptions}. */
export const DESCRIPTION_OPTIONS: readonly string[] = [
  "description",
  "describePrompt",
  "descriptionTokens",
];

/** The default request for a description: what questions about images tend to need. */
export const DESCRIBE_PROMPT =
  "Describe the image in detail, with the objects, their colours, their number and their places.";

/** A description and how well it grounds each token. */
export interface GroundedDescription {
  readonly text: string;
  readonly table: DescriptionTable;
}

/** Options with their defaults, checked. */
export type DescriptionSettings = Readonly<{
  description: string | null;
  describePrompt: string;
  descriptionTokens: number;
}>;

/**
 * Fills in defaults.
 *
 * @throws InvalidArgumentError for an empty text or a number of tokens below 1
 */
export function descriptionSettings(options: DescriptionOptions): DescriptionSettings {
  const { description, describePrompt = DESCRIBE_PROMPT, descriptionTokens = 128 } = options;
  for (const [name, text] of Object.entries({ description, describePrompt })) {
    if (text !== undefined && (typeof text !== "string" || text.trim() === "")) {
      throw new InvalidArgumentError(`${name}: received an empty text; expected some words`);
    }
  }
  if (!(Number.isInteger(descriptionTokens) && descriptionTokens >= 1)) {
    throw new InvalidArgumentError(
      `descriptionTokens: received ${descriptionTokens}; expected an integer of at least 1`,
    );
  }
  return { description: description ?? null, describePrompt, descriptionTokens };
}

/**
 * Describes the run's image, greedily, or has the model read the given description, and folds the distribution of
 * every position into a table; once for each image, so further questions on it start at once.
 */
export function describeImage(
  run: MethodRun,
  settings: DescriptionSettings,
): Promise<GroundedDescription> {
  const { description, describePrompt, descriptionTokens } = settings;
  const { image } = run;
  const key = `description/${image?.key ?? ""}/${JSON.stringify(settings)}`;
  return run.remember(key, async () => {
    const table = new DescriptionTable();
    const { text } = await run.decode(
      { image, prompt: describePrompt },
      {
        maxTokens: descriptionTokens,
        onPosition: (logits) => table.add(logits),
        ...(description === null ? {} : { forced: description }),
      },
    );
    return { text: description ?? text, table };
  });
}

/** The question with a description before it, as the authors put it. */
export function describedPrompt(description: string, question: string): string {
  return `The input image is described as follows: ${description} ${question}`;
}
