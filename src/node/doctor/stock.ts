import { freemem } from "node:os";
import type { PreTrainedModel, Tensor } from "@huggingface/transformers";
import type { ModelFamily, ProcessedImage } from "../../families/family.js";
import type { GraphDtypes } from "../checkpoint-folder.js";
import type { Transformers } from "../images/transformers-processor.js";
import { type Finding, fault, passed, skipped } from "./examination.js";
import { graphInput } from "./examine-image.js";
import { megabytes } from "./graph-facts.js";
import type { StockInputs } from "./stock-inputs.js";

/** Largest difference of two pixel values that is rounding. */
const ROUNDING = 1e-4;
/** Memory that a model takes while it is opened, as a multiple of its files. */
const ROOM = 2;

/** Compares pixel values. */
export function compareImage(stock: StockInputs, image: ProcessedImage): Finding<true> {
  const { pixelsInput } = image;
  const pixels = graphInput(image);
  const theirs = stock.inputs[pixelsInput];
  if (theirs === undefined) {
    return skipped(
      `transformers.js makes no ${pixelsInput}; it makes ${Object.keys(stock.inputs).join(", ")}`,
    );
  }
  const difference = farthest(theirs.data as Float32Array, pixels.data);
  if (difference === undefined) {
    return fault(
      `${pixelsInput} has shape ${pixels.dims.join(" x ")} here and ${theirs.dims.join(" x ")} in transformers.js`,
      PROCESSOR,
    );
  }
  if (stock.resizesValues) {
    return skipped(
      `transformers.js resizes pixel values without antialiasing, Python's processor pixels with it: ${pixelsInput} is up to ${difference.toPrecision(3)} off; tokens are compared from the same pixels`,
    );
  }
  if (!(difference <= ROUNDING)) {
    return fault(
      `${pixelsInput} is up to ${difference.toPrecision(3)} off that of transformers.js, though both resize alike`,
      PROCESSOR,
    );
  }
  const own = farthest(stock.ownWay[pixelsInput]?.data as Float32Array, pixels.data);
  const resizing =
    own === undefined || own <= ROUNDING
      ? "its own resizing makes no difference"
      : `its own resizing, which is not antialiased, is up to ${own.toFixed(2)} off`;
  return passed(`${pixelsInput} is that of transformers.js resizing as Pillow does; ${resizing}`);
}

const PROCESSOR =
  "compare preprocessor_config.json with the repository's; if it is the same, report the checkpoint's name";

/** Compares the tokens of the prompt. */
export function comparePrompt(
  { inputs, noPrompt, addsLines }: StockInputs,
  tokens: readonly number[],
): Finding<true> {
  if (noPrompt !== undefined) return skipped(noPrompt);
  const theirs = idsOf(inputs.input_ids);
  const at = firstDifference(tokens, theirs);
  if (at === undefined) {
    const but = addsLines ? ", but for the empty lines that it puts around images" : "";
    return passed(`${tokens.length} tokens, the same as in transformers.js${but}`);
  }
  return fault(
    `the prompt has ${tokens.length} tokens here and ${theirs.length} in transformers.js; the first that differs is ${at}: ${tokens[at] ?? "none"} here, ${theirs[at] ?? "none"} there`,
    "compare tokenizer.json, processor_config.json and the chat template with the repository's; if they are the same, report the checkpoint's name",
  );
}

/** What {@link compareAnswer} asks transformers.js to run. */
export interface StockRun {
  readonly folder: string;
  readonly dtypes: GraphDtypes;
  readonly threads: number | undefined;
  readonly weightBytes: number;
  /** The image whose pixels it is given. */
  readonly image: ProcessedImage;
  /** The tokens that it is given where it lays out no prompt. */
  readonly prompt: readonly number[];
  /** The tokens that are looked up as others. */
  readonly standIns: ModelFamily["standIns"];
}

/** Compares greedy tokens, from the same inputs. */
export async function compareAnswer(
  transformers: Transformers,
  { inputs, noPrompt }: StockInputs,
  answer: { readonly tokens: readonly number[]; readonly logits: readonly Float32Array[] },
  { folder, dtypes, threads, weightBytes, image, prompt, standIns }: StockRun,
): Promise<Finding<true>> {
  if (ROOM * weightBytes > freemem()) {
    return skipped(
      `opening ${megabytes(weightBytes)} of weights once more takes about ${megabytes(ROOM * weightBytes)} of memory; ${megabytes(freemem())} are free`,
    );
  }
  const model: PreTrainedModel = await transformers.AutoModelForImageTextToText.from_pretrained(
    folder,
    {
      local_files_only: true,
      dtype: { ...dtypes } as Record<string, "fp32">,
      device: "cpu",
      ...(threads === undefined
        ? {}
        : { session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 } }),
    },
  );
  const { env, LogLevel } = transformers;
  const { logLevel } = env;
  let theirs: number[];
  try {
    // What keeps it from answering is told by the check; it would print its inputs besides.
    env.logLevel = LogLevel.NONE;
    if (standIns !== undefined) lookUpAs(standIns, model, transformers);
    const { data, dims } = graphInput(image);
    const tokens = noPrompt === undefined ? idsOf(inputs.input_ids) : prompt;
    const ofTokens = (values: BigInt64Array) =>
      new transformers.Tensor("int64", values, [1, tokens.length]);
    const output = await model.generate({
      ...inputs,
      input_ids: ofTokens(BigInt64Array.from(tokens, BigInt)),
      attention_mask: ofTokens(new BigInt64Array(tokens.length).fill(1n)),
      [image.pixelsInput]: new transformers.Tensor("float32", data, [...dims]),
      max_new_tokens: answer.tokens.length,
      do_sample: false,
      repetition_penalty: 1,
    } as never);
    theirs = idsOf(output as Tensor).slice(tokens.length);
  } finally {
    env.logLevel = logLevel;
    await model.dispose();
  }
  const own = answer.tokens.slice(0, theirs.length);
  const at = firstDifference(own, theirs);
  if (at === undefined) {
    return passed(`${own.length} greedy tokens, the same as in transformers.js`);
  }
  const row = answer.logits[at]!;
  const margin = row[own[at]!]! - row[theirs[at]!]!;
  const spread = Math.max(...row.map(Math.abs));
  if (margin <= 1e-4 * spread) {
    return passed(
      `${at} greedy tokens are the same as in transformers.js; then two are equally likely (logits differ by ${margin.toPrecision(2)})`,
    );
  }
  return fault(
    `token ${at} is ${own[at]} here and ${theirs[at]} in transformers.js, from the same pixels (logits differ by ${margin.toPrecision(2)})`,
    "one of the two is wrong: compare with the model in Python, and report the checkpoint's name (docs/models.md tells what transformers.js is known to do otherwise)",
  );
}

/** What a session of transformers.js is fed to look tokens up. */
interface TokenFeeds {
  readonly input_ids: { readonly data: BigInt64Array; readonly dims: readonly number[] };
}

/** Lets a model look up some tokens as others, as Python does; transformers.js looks up image tokens as they are. */
function lookUpAs(
  standIns: ReadonlyMap<number, number>,
  model: PreTrainedModel,
  { Tensor }: Transformers,
): void {
  const { sessions } = model as unknown as {
    sessions: { embed_tokens: { run(feeds: object): Promise<object> } };
  };
  const { embed_tokens: embed } = sessions;
  const run = embed.run.bind(embed);
  embed.run = (feeds) => {
    const { data, dims } = (feeds as TokenFeeds).input_ids;
    const ids = data.map((id) => BigInt(standIns.get(Number(id)) ?? id));
    return run({ input_ids: new Tensor("int64", ids, [...dims]).ort_tensor });
  };
}

function idsOf(tensor: Tensor | undefined): number[] {
  return Array.from((tensor?.data ?? []) as BigInt64Array, Number);
}

function firstDifference(a: readonly number[], b: readonly number[]): number | undefined {
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find(
    (i) => a[i] !== b[i],
  );
  return at;
}

/** The largest difference; undefined for arrays of other lengths. */
function farthest(a: Float32Array | undefined, b: Float32Array): number | undefined {
  if (a?.length !== b.length) return undefined;
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}
