import { basename, join } from "node:path";
import type { ImageSource } from "../../engine/conversation.js";
import type {
  ImageProcessor,
  ModelFamily,
  ProcessedImage,
  RgbPixels,
} from "../../families/family.js";
import { type Adapter, readAdapter } from "../adapter-folder.js";
import { readChatTemplate } from "../chat-template.js";
import {
  type CheckpointFolder,
  GRAPH_NAMES,
  type GraphDtypes,
  readCheckpointFolder,
  readFamily,
} from "../checkpoint-folder.js";
import { fetchModel } from "../hub.js";
import { loadImageProcessor } from "../images/image-processor.js";
import { decodeImage } from "../images/open-image.js";
import { readProcessorConfig } from "../images/processor-config.js";
import type { LoadOptions } from "../load-options.js";
import { locateCheckpoint } from "../locate-checkpoint.js";
import { renderQuestion } from "../processors.js";
import { readJsonFile } from "../read-text-file.js";
import { type CheckpointTokenizer, readTokenizer } from "../tokenizer.js";
import { type Examination, fault, passed, skipped } from "./examination.js";
import { examineImage } from "./examine-image.js";
import { examineInterfaces } from "./examine-interfaces.js";
import { examineSettings } from "./examine-settings.js";
import { examineNamedTokens, examineVocabulary, tokenizerSize } from "./examine-tokens.js";
import { examineGraph, type GraphFacts, missingGraph } from "./graph-facts.js";

/** What the files of a checkpoint gave; what is undefined did not pass. */
export interface FileFindings {
  readonly path: string | undefined;
  /** The family's name, where config.json alone could be read. */
  readonly plugin: string | undefined;
  readonly adapter: (Adapter & { readonly name: string; readonly folder: string }) | undefined;
  readonly folder: CheckpointFolder | undefined;
  readonly family: ModelFamily | undefined;
  readonly graphs: Readonly<Partial<Record<(typeof GRAPH_NAMES)[number], GraphFacts>>>;
  readonly pixels: RgbPixels;
  readonly image: ProcessedImage | undefined;
}

interface Place {
  readonly path: string;
  readonly adapter: FileFindings["adapter"];
}

const FILES = "fetch the file again from the repository, or take it from another copy";

/** Examines the files of a checkpoint without running it. */
export async function examineFiles(
  examination: Examination,
  name: string,
  image: ImageSource,
  options: LoadOptions & { readonly dtype: GraphDtypes },
): Promise<FileFindings> {
  const pixels = await decodeImage(image, options.images);
  const place = await findPlace(examination, name, options);
  const path = place?.path;
  const known = await examination.check(
    "config",
    {
      after: ["place"],
      remedy: "give a folder laid out for transformers.js; docs/models.md lists the families",
    },
    () => {
      const { family, config } = readFamily(path!);
      return passed(`config.json is of the family ${family.name}`, { family, config });
    },
  );
  const folder = await examination.check("files", { after: ["config"], remedy: FILES }, () =>
    passed(
      "config.json, tokenizer and preprocessor are there",
      readCheckpointFolder(path!, options.dtype),
    ),
  );
  const graphs = await examineGraphs(examination, folder);
  const { tokenizer, processor } = await examineProcessors(
    examination,
    path,
    known?.family.chatTemplate,
    graphs,
  );
  const family = await examineFamily(examination, folder, tokenizer, graphs);
  await examination.check(
    "settings",
    { after: ["files"], remedy: "use a checkpoint without this setting" },
    () => examineSettings(folder!, graphs.decoder_model_merged?.traits),
  );
  const processed = await examination.check(
    "image",
    {
      after: ["image-processor", "family"],
      remedy: "compare preprocessor_config.json with the repository's",
    },
    async () => {
      const made = await family!.process(processor!, pixels);
      const read = (file: string) => readJsonFile(join(path!, file));
      const found = examineImage(made, family!, {
        config: folder!.config,
        preprocessor: readProcessorConfig(path!),
        processor: read("processor_config.json"),
      });
      return found.status === "pass" ? passed(found.detail, made) : found;
    },
  );
  await examination.check(
    "interfaces",
    { after: [...GRAPH_NAMES, "family", "image"], remedy: "export the checkpoint again" },
    () =>
      examineInterfaces(
        {
          embed: graphs.embed_tokens!,
          vision: graphs.vision_encoder!,
          decoder: graphs.decoder_model_merged!,
        },
        { family: family!, image: processed! },
      ),
  );
  return {
    path,
    plugin: known?.family.name,
    adapter: place?.adapter,
    folder,
    family,
    graphs,
    pixels,
    image: processed,
  };
}

function findPlace(
  examination: Examination,
  name: string,
  options: LoadOptions & { readonly dtype: GraphDtypes },
): Promise<Place | undefined> {
  return examination.check<Place>(
    "place",
    { remedy: "give a folder, a hub id (owner/name), or a name that 'groundsight models' lists" },
    async () => {
      const { base, adapter: named } = locateCheckpoint(name, options.adapter);
      const adapter = named && { ...readAdapter(named.folder), ...named };
      const path =
        "hubId" in base
          ? await fetchModel(base.hubId, { ...options, judge: readFamily })
          : base.folder;
      const merged = adapter === undefined ? "" : `, with the adapter in ${adapter.folder}`;
      return passed(`${path}${merged}`, { path, adapter });
    },
  );
}

async function examineGraphs(
  examination: Examination,
  folder: CheckpointFolder | undefined,
): Promise<FileFindings["graphs"]> {
  const graphs: Partial<Record<(typeof GRAPH_NAMES)[number], GraphFacts>> = {};
  for (const name of GRAPH_NAMES) {
    const found = await examination.check(name, { after: ["files"], remedy: FILES }, () => {
      const path = graphPath(folder!, name);
      return typeof path === "string" ? examineGraph(path) : path;
    });
    if (found !== undefined) graphs[name] = found;
  }
  await examination.check("weights", { remedy: FILES }, () => {
    const read = Object.entries(graphs);
    if (read.length === 0) return skipped("it needs a graph that can be read; none did");
    for (const [name, { badWeights }] of read) {
      const [first, ...others] = badWeights;
      if (first === undefined) continue;
      const more = others.length === 0 ? "" : `, and ${others.length} other weights`;
      return fault(
        `${name}: ${first.bad} of ${first.elements} numbers of ${first.name} are NaN or infinite${more}`,
        "fetch the file again; if it stays so, the training or the conversion (to float16) broke it: take another precision",
      );
    }
    return passed(`all are numbers (${read.map(([name]) => name).join(", ")})`);
  });
  return graphs;
}

/** Path of a graph, or the fault that it is missing. */
function graphPath(folder: CheckpointFolder, name: (typeof GRAPH_NAMES)[number]) {
  try {
    return folder.graph(name);
  } catch (error) {
    return missingGraph((error as Error).message, join(folder.path, "onnx"), name);
  }
}

async function examineProcessors(
  examination: Examination,
  path: string | undefined,
  chatTemplate: string | undefined,
  { embed_tokens: embed }: FileFindings["graphs"],
): Promise<{ tokenizer: CheckpointTokenizer | undefined; processor: ImageProcessor | undefined }> {
  const after = ["files"] as const;
  const tokenizer = await examination.check("tokenizer", { after, remedy: FILES }, () => {
    const found = readTokenizer(path!);
    const size = tokenizerSize(readJsonFile(join(path!, "tokenizer.json")));
    const compared = examineVocabulary(size, embed?.tableRows);
    return compared.status === "pass" ? passed(compared.detail, found) : compared;
  });
  await examination.check(
    "chat-template",
    {
      after: ["tokenizer"],
      remedy:
        "fetch chat_template.jinja or tokenizer_config.json again; without one the model cannot be asked as it was trained",
    },
    () => {
      const template = readChatTemplate(path!, chatTemplate);
      const prompt = renderQuestion(tokenizer!, template);
      return passed(`${basename(template.file)} renders a question: ${JSON.stringify(prompt)}`);
    },
  );
  const processor = await examination.check(
    "image-processor",
    { after, remedy: FILES },
    async () => {
      const found = await loadImageProcessor(path!);
      return passed("preprocessor_config.json is understood", found);
    },
  );
  return { tokenizer, processor };
}

function examineFamily(
  examination: Examination,
  folder: CheckpointFolder | undefined,
  tokenizer: CheckpointTokenizer | undefined,
  { embed_tokens: embed }: FileFindings["graphs"],
): Promise<ModelFamily | undefined> {
  return examination.check(
    "family",
    { after: ["config", "tokenizer"], remedy: "compare config.json with the repository's" },
    () => {
      const { config, generation, path } = folder!;
      const tokenText = (id: number) => tokenizer!.decode([id], { special: true });
      const family = folder!.family.configure({ config, tokenText });
      const definition = readJsonFile(join(path, "tokenizer.json"));
      const named = readJsonFile(join(path, "tokenizer_config.json"));
      const rows = embed?.tableRows ?? family.facts.vocabularySize;
      const vocabulary = examineVocabulary(tokenizerSize(definition), rows);
      if (vocabulary.status !== "pass") return vocabulary;
      const endTokens = [generation.eos_token_id ?? family.facts.endTokens].flat();
      const found = examineNamedTokens(family, endTokens, { definition, named, tokenText });
      return found.status === "pass" ? passed(found.detail, family) : found;
    },
  );
}
