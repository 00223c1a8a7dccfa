// A backend: an engine elsewhere that tells the k best log-probabilities, here a llama.cpp server. Methods that do with
// them run on it (regular, apc, vcd); those that need every token (vdgd) or a patched graph (vti) are refused by name.
//
//   const model = new LocalModel(await LlamaServer.connect("http://localhost:8080"));
//   const { text } = await model.generate({ image: pixels, prompt: "Is there a dog?", method: vcd() });
import {
  type Backend,
  type BackendFacts,
  type BackendOffers,
  type Context,
  type ContextStep,
  type ImageSource,
  InferenceError,
  InvalidArgumentError,
  type ModelInfo,
  type OpenedImage,
  type OpenResult,
  type Pixels,
  type Prompt,
  type PromptToOpen,
  type StepOutputs,
  type StepResult,
  type Stream,
  type TensorData,
  UnsupportedCapabilityError,
} from "groundsight/core";

/** How many of the best tokens are asked for. */
const BEST = 64;

interface ServerImage extends OpenedImage {
  readonly source: Pixels;
}

/** A prompt as the server takes it: a text with a marker for each image, and the images. */
interface ServerPrompt extends Prompt {
  readonly text: string;
  readonly images: readonly string[];
}

interface Best {
  readonly id: number;
  readonly token: string;
  readonly logprob: number;
}

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;
type Post = (path: string, body: unknown) => Promise<unknown>;

export class LlamaServer implements Backend {
  readonly info: ModelInfo;
  readonly facts: BackendFacts;
  readonly offers: BackendOffers = {
    images: true,
    fullVocabulary: false,
    edits: new Set<never>(),
    baseLlm: false,
  };
  /** The server keeps the memory, so that there is nothing to bound here. */
  readonly liveBytes = 0;
  readonly #post: (path: string, body: unknown) => Promise<unknown>;
  readonly #marker: string;
  /** Texts of tokens, as the server named them. */
  readonly #pieces = new Map<number, string>();

  private constructor(post: Post, props: ServerProps, vocabularySize: number, endToken: number) {
    this.#post = post;
    this.#marker = props.media_marker;
    const contextLength = props.default_generation_settings.n_ctx;
    const unknown = { hiddenSize: Number.NaN, layers: Number.NaN, cache: "whole" } as const;
    const names = { id: props.model_path, family: "llama-server", dtype: "gguf" };
    this.info = { ...names, ...unknown, vocabularySize, contextLength };
    this.facts = {
      contextLength,
      endTokens: new Set([endToken]),
      defaultMaxTokens: 128,
      bytesPerToken: 0,
      bytesPerContext: 0,
    };
  }

  static async connect(url: string, fetch: Fetch = globalThis.fetch): Promise<LlamaServer> {
    const call = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${url}${path}`, init);
      if (response.ok) return response.json() as Promise<unknown>;
      throw new InferenceError(`${url}${path}: status ${response.status}; is the server running?`);
    };
    const post: Post = (path, body) => call(path, { method: "POST", body: JSON.stringify(body) });
    const props = (await call("/props")) as ServerProps;
    const { data } = (await call("/v1/models")) as { data: { meta: { n_vocab: number } }[] };
    const { tokens } = (await post("/tokenize", { content: props.eos_token })) as Tokens;
    return new LlamaServer(post, props, data[0]!.meta.n_vocab, tokens[0]!);
  }

  async hash(): Promise<string> {
    throw new UnsupportedCapabilityError("the server does not show its weights");
  }

  async openImage(source: ImageSource): Promise<ServerImage> {
    const pixels = source as Pixels;
    if (pixels.channels !== 3) {
      throw new InvalidArgumentError(
        "image: expected RGB pixels: { data, width, height, channels: 3 }",
      );
    }
    const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(pixels.data));
    return { key: `${pixels.width} ${Buffer.from(digest).toString("hex")}`, source: pixels };
  }

  /** The server applies its template, and takes images as files: a variant's pixels are sent instead of features. */
  async layOut({ view }: Stream, images: readonly OpenedImage[]): Promise<ServerPrompt> {
    const files: string[] = [];
    const messages: { role: string; content: string }[] = [];
    for (const { role, parts } of view) {
      let content = "";
      for (const part of parts) {
        if (part.type === "text") {
          if (part.text.includes(this.#marker)) {
            throw new InvalidArgumentError(`prompt: received the image marker ${this.#marker}`);
          }
          content += part.text;
        } else {
          const { source } = images[part.image] as ServerImage;
          const { data } = await part.variant.features(normalised(source), async (seen) => seen);
          files.push(Buffer.from(pnm(data, source)).toString("base64"));
          content += `${this.#marker}\n`;
        }
      }
      messages.push({ role, content });
    }
    const { prompt: text } = (await this.#post("/apply-template", { messages })) as {
      prompt: string;
    };
    const { tokens } = (await this.#post("/tokenize", { content: text })) as Tokens;
    return { text, images: files, tokens, imageTokens: 0, imageMs: 0 };
  }

  /** A context is a prompt with what was appended to it; the server finds the beginning in its own cache. */
  async open(prompts: readonly PromptToOpen[]): Promise<OpenResult[]> {
    return Promise.all(
      prompts.map(async ({ prompt }): Promise<OpenResult> => {
        const { text, images } = prompt as ServerPrompt;
        const context = { text, images };
        const result = await this.#next(context);
        return "failure" in result ? result : { context, ...result };
      }),
    );
  }

  async extend(steps: readonly ContextStep[]): Promise<StepResult[]> {
    return Promise.all(
      steps.map(({ context, token }) => {
        const grown = context as { text: string; images: readonly string[] };
        grown.text += this.decode([token]);
        return this.#next(grown);
      }),
    );
  }

  close(_: readonly Context[]): void {}

  async encode(): Promise<never> {
    throw new UnsupportedCapabilityError("a server's tokens are not known before it is asked");
  }

  decode(ids: readonly number[]): string {
    return ids.map((id) => (this.facts.endTokens.has(id) ? "" : this.#pieces.get(id)!)).join("");
  }

  async prepare(): Promise<void> {}

  async probe(): Promise<never> {
    throw new UnsupportedCapabilityError("a server has no hidden states to show");
  }

  async release(): Promise<void> {}

  /** The best tokens that may follow; one failing request harms no other. */
  async #next({ text, images }: { text: string; images: readonly string[] }): Promise<StepResult> {
    try {
      const { completion_probabilities: positions } = (await this.#post("/completion", {
        prompt: { prompt_string: text, multimodal_data: images },
        n_predict: 1,
        n_probs: BEST,
        temperature: -1, // greedy, with a plain softmax of the logits
        cache_prompt: true,
      })) as { completion_probabilities: { top_logprobs: Best[] }[] };
      return { outputs: this.#outputs(positions[0]!.top_logprobs) };
    } catch (failure) {
      return { failure };
    }
  }

  #outputs(best: readonly Best[]): StepOutputs {
    const floor = Math.min(...best.map(({ logprob }) => logprob));
    const logits = new Float32Array(this.info.vocabularySize).fill(floor);
    for (const { id, token, logprob } of best) {
      logits[id] = logprob;
      this.#pieces.set(id, token);
    }
    return { logits, known: { ids: Int32Array.from(best, ({ id }) => id), floor } };
  }
}

interface ServerProps {
  readonly default_generation_settings: { readonly n_ctx: number };
  readonly model_path: string;
  readonly media_marker: string;
  readonly eos_token: string;
}

interface Tokens {
  readonly tokens: number[];
}

/** Pixels as variants expect them, (1, 3, H, W), about 0 with a spread of about 1. */
function normalised({ data, width, height }: Pixels): TensorData {
  const area = width * height;
  const planes = Float32Array.from({ length: 3 * area }, (_, i) => {
    const [plane, at] = [Math.floor(i / area), i % area];
    return data[3 * at + plane]! / 64 - 2;
  });
  return { data: planes, dims: [1, 3, height, width] };
}

/** Normalised pixels as an image file that every decoder reads: a portable any-map. */
function pnm(planes: Float32Array, { width, height }: Pixels): Uint8Array {
  const area = width * height;
  const bytes = Uint8ClampedArray.from({ length: 3 * area }, (_, i) => {
    const [at, plane] = [Math.floor(i / 3), i % 3];
    return (planes[plane * area + at]! + 2) * 64;
  });
  return Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), Buffer.from(bytes)]);
}
