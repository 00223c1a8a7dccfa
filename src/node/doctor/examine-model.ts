import type { OpenedImage } from "../../engine/backend.js";
import type { ImageSource } from "../../engine/conversation.js";
import type { ActiveEdit } from "../../engine/method.js";
import { steeringEdits } from "../../methods/vti.js";
import { LocalModel } from "../../model/local-model.js";
import type { GraphDtypes } from "../checkpoint-folder.js";
import { dtypeText } from "../dtype-choice.js";
import { loadBackend } from "../load-backend.js";
import type { LoadOptions } from "../load-options.js";
import { decodePlainly, layOutWhole, type PlainAnswer } from "./decode-plainly.js";
import { type Examination, passed, skipped } from "./examination.js";
import { examineCache, examineNumbers, examineZeroSteering } from "./examine-answers.js";
import type { FileFindings } from "./examine-files.js";
import { type Cost, measureCost } from "./measure-cost.js";
import { trialDirections } from "./steering-trial.js";
import { type MethodTrial, tryMethods } from "./try-methods.js";

/** What running a checkpoint gave. */
export interface ModelFindings {
  /** The prompt's tokens. */
  readonly prompt: readonly number[] | undefined;
  /** The greedy answer, up to the end of text. */
  readonly answer: Pick<PlainAnswer, "tokens" | "logits"> | undefined;
  readonly methods: readonly MethodTrial[];
  readonly cost: Cost | null;
}

/** Tokens of the answer that is compared. */
const STEPS = 16;
const AGAIN =
  "load it with 'groundsight ask'; if it fails there too, export or fetch the checkpoint again";

/** Examines a checkpoint by running it. */
export async function examineModel(
  examination: Examination,
  name: string,
  source: ImageSource,
  files: FileFindings,
  options: LoadOptions & { readonly dtype: GraphDtypes },
): Promise<ModelFindings> {
  const residentBytes = process.memoryUsage.rss();
  const { dtype: dtypes, liveCacheMiB = 1024, signal } = options;
  const backend = await examination.check(
    "opens",
    {
      after: [
        "embed_tokens",
        "vision_encoder",
        "decoder_model_merged",
        "tokenizer",
        "chat-template",
        "image-processor",
        "family",
      ],
      remedy: "fetch the named file again; if it is whole, export the checkpoint again",
    },
    async () => {
      const { folder, adapter } = files;
      const dtype = dtypeText(dtypes);
      const found = await loadBackend({ id: name, folder: folder!, dtype, adapter, options });
      const { cache, contextLength, layers, promptPieceTokens: piece } = found.info;
      const inPieces =
        piece === undefined
          ? ""
          : `; the device's GroupQueryAttention is wrong from ${piece + 1} tokens in one run on, so that prompts are read in pieces of ${piece}`;
      return passed(
        `the runtime takes all graphs: ${layers} layers, context of ${contextLength} tokens, ${cache === "delta" ? "patched to return new cache rows only" : "the whole cache is returned at each step"}${inPieces}`,
        found,
      );
    },
  );
  const model = backend && new LocalModel(backend, { liveBytes: liveCacheMiB * 2 ** 20 });
  try {
    let imageMs = 0;
    let opened: OpenedImage | undefined;
    const prompt = await examination.check(
      "prompt",
      {
        after: ["opens", "interfaces"],
        remedy:
          "compare config.json (the image token), processor_config.json and the chat template with the repository's",
      },
      async () => {
        opened = await backend!.openImage(source, signal);
        const found = await layOutWhole(backend!, opened);
        imageMs = found.imageMs;
        return passed(
          `${found.tokens.length} tokens, ${found.imageTokens} of them of the image`,
          found,
        );
      },
    );
    const answer = await examination.check(
      "numbers",
      { after: ["prompt"], remedy: AGAIN },
      async () => {
        const found = await decodePlainly(backend!, prompt!, STEPS);
        const finding = examineNumbers(found, backend!.decode(found.tokens));
        return finding.status === "pass" ? passed(finding.detail, found) : finding;
      },
    );
    await examination.check("cache", { after: ["numbers"], remedy: AGAIN }, () =>
      examineCache(backend!, opened!, answer!, dtypes.decoder_model_merged),
    );
    const vision = files.graphs.vision_encoder!;
    const decoder = files.graphs.decoder_model_merged!;
    const trial = answer && (await trialDirections(backend!, source, { vision, decoder }));
    await examination.check("steering", { after: ["numbers"], remedy: AGAIN }, async () => {
      const { directions, lacking } = trial!;
      const edits: ActiveEdit[] = steeringEdits(directions, {
        image: directions.image === undefined ? 0 : 1,
        text: directions.text === undefined ? 0 : 1,
      });
      if (edits.length === 0) return skipped(lacking.join("; "));
      const found = await examineZeroSteering(backend!, opened!, edits);
      const without = lacking.length === 0 ? "" : `; not of the ${lacking.join("; ")}`;
      return found.status === "pass" ? passed(`${found.detail}${without}`) : found;
    });
    if (answer === undefined) return { prompt: prompt?.tokens, answer, methods: [], cost: null };
    const end = answer.tokens.findIndex((token) => backend!.facts.endTokens.has(token)) + 1;
    const tokens = end === 0 ? answer.tokens : answer.tokens.slice(0, end);
    const weightBytes = Object.values(files.graphs).reduce((sum, { bytes }) => sum + bytes, 0);
    const cost = await measureCost(backend!, opened!, { imageMs, weightBytes, residentBytes });
    return {
      prompt: prompt!.tokens,
      answer: { tokens, logits: answer.logits },
      methods: await tryMethods(model!, source, trial!, signal),
      cost,
    };
  } finally {
    await model?.dispose();
  }
}
