import type {
  ChoiceSetting,
  NumberSetting,
  SettingsOf,
  TextSetting,
} from "../arguments/settings.js";
import type { MethodRun } from "../engine/method.js";
import { askAboutImages, mapQuestion, type View, type ViewPart } from "../engine/view.js";
import { describedAs } from "../objects/ask-about.js";
import { DescriptionTable } from "./description-table.js";

/** Where the description stands in the prompt: before the images of the last question, as the authors have it, or between them and its text. */
export type DescriptionOrder = "before-image" | "after-image";

/** Where the description of an image comes from. */
export interface DescriptionOptions {
  /** A description to use instead of the model's own, for example a person's or a stronger model's. */
  readonly description?: string;
  /**
   * What the model is asked for a description with; `{task}` in it stands for the question. "task" is
   * {@link TASK_DESCRIBE_PROMPT}, which names the task as the authors' prompt does. Default {@link DESCRIBE_PROMPT}.
   */
  readonly describePrompt?: string;
  /** Most tokens of the model's description, at least 1. Default 128. */
  readonly descriptionTokens?: number;
  /** Where the description stands. Default "before-image", as in the authors' code. */
  readonly order?: DescriptionOrder;
}

/** The default request for a description: what questions about images tend to need. */
export const DESCRIBE_PROMPT =
  "Describe the image in detail, with the objects, their colours, their number and their places.";

/**
 * A request for a description that names the task, so that the description holds what the task needs. Descriptions are
 * then made for each question, not for each image.
 */
export const TASK_DESCRIBE_PROMPT =
  "I have been given an image to complete this task: {task} Describe the image in detail for it: every object with its attributes, the relations between objects, and their number; for a chart or a text, all numbers and words. Do not complete the task.";

/** The settings of {@link DescriptionOptions}. */
export const DESCRIPTION_SETTINGS: {
  readonly description: TextSetting & { readonly default: null };
  readonly describePrompt: TextSetting & { readonly default: string };
  readonly descriptionTokens: NumberSetting & { readonly default: number };
  readonly order: ChoiceSetting & {
    readonly choices: readonly DescriptionOrder[];
    readonly default: DescriptionOrder;
  };
} = {
  description: {
    type: "text",
    default: null,
    summary: "a description to use instead of the model's own",
  },
  describePrompt: {
    type: "text",
    default: DESCRIBE_PROMPT,
    summary: "what the model is asked for a description with; 'task' names the question",
  },
  descriptionTokens: {
    type: "integer",
    min: 1,
    default: 128,
    summary: "most tokens of the model's description",
  },
  order: {
    type: "choice",
    choices: ["before-image", "after-image"],
    default: "before-image",
    summary: "where the description stands in the prompt",
  },
};

/** Checked {@link DescriptionOptions}. */
export type DescriptionSettings = SettingsOf<typeof DESCRIPTION_SETTINGS>;

/** A description and how well it grounds each token. */
export interface GroundedDescription {
  readonly text: string;
  readonly table: DescriptionTable;
}

/**
 * Describes the run's images, greedily, or has the model read the given description, and folds the distribution of
 * every position into a table; once for equal images and requests, so further questions on them start at once.
 */
export function describeImage(
  run: MethodRun,
  { description, describePrompt, descriptionTokens }: DescriptionSettings,
): Promise<GroundedDescription> {
  const template = describePrompt === "task" ? TASK_DESCRIBE_PROMPT : describePrompt;
  const request = template.replaceAll("{task}", () => run.prompt);
  const view = askAboutImages(run.view, request);
  const key = `description/${JSON.stringify([imagesOf(view), description, request, descriptionTokens])}`;
  return run.remember(
    key,
    async () => {
      const table = new DescriptionTable();
      const { text } = await run.generate(
        { view },
        {
          maxTokens: descriptionTokens,
          onPosition: (logits) => table.add(logits),
          ...(description === null ? {} : { forced: description }),
        },
      );
      return { text: description ?? text, table };
    },
    ({ table }) => table.bytes,
  );
}

/** The view with a description in its last question, in the authors' words. */
export function describedView(view: View, description: string, order: DescriptionOrder): View {
  const words = describedAs(description);
  return mapQuestion(view, (parts) => {
    const hasImage = (part: ViewPart) => part.type === "image";
    const place =
      order === "before-image" && parts.some(hasImage)
        ? parts.findIndex(hasImage)
        : parts.findLastIndex(hasImage) + 1;
    const [before, after] = [parts.slice(0, place), parts.slice(place)];
    return [...before, ...joined(words, after)];
  });
}

/** A text before parts: one text where they begin with text, so that a template puts nothing between. */
function joined(words: string, parts: readonly ViewPart[]): ViewPart[] {
  const [first, ...rest] = parts;
  if (first?.type === "text") return [{ type: "text", text: words + first.text }, ...rest];
  return [{ type: "text", text: words }, ...parts];
}

function imagesOf(view: View): [number, string][] {
  return view.flatMap(({ parts }) =>
    parts.flatMap((part): [number, string][] =>
      part.type === "image" ? [[part.image, part.variant.key]] : [],
    ),
  );
}
