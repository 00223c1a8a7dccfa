import type { SharedV4ProviderMetadata } from "@ai-sdk/provider";

/** What `createOpenAICompatible` of `@ai-sdk/openai-compatible` takes as `metadataExtractor`. */
export interface LogprobsExtractor {
  /** Metadata of a whole answer. */
  extractMetadata(response: { parsedBody: unknown }): Promise<SharedV4ProviderMetadata | undefined>;
  /** Collects the metadata of a streamed answer. */
  createStreamExtractor(): {
    /** Takes the next chunk. */
    processChunk(chunk: unknown): void;
    /** Metadata of all chunks. */
    buildMetadata(): SharedV4ProviderMetadata | undefined;
  };
}

/**
 * Keeps the log-probabilities that an OpenAI-compatible server tells: `providerMetadata[name].logprobs`, which
 * `@ai-sdk/openai-compatible` leaves out by itself. They are asked for by
 * `providerOptions: { [name]: { logprobs: true, top_logprobs: 20 } }`.
 *
 * @param name the provider's
 */
export function logprobsExtractor(name: string): LogprobsExtractor {
  const metadata = (logprobs: unknown[]) =>
    logprobs.length === 0
      ? undefined
      : ({ [name]: { logprobs } } as unknown as SharedV4ProviderMetadata);
  return {
    extractMetadata: async ({ parsedBody }) => metadata(contentOf(parsedBody)),
    createStreamExtractor() {
      const tokens: unknown[] = [];
      return {
        processChunk: (chunk) => {
          tokens.push(...contentOf(chunk));
        },
        buildMetadata: () => metadata(tokens),
      };
    },
  };
}

interface Told {
  readonly choices?: readonly { readonly logprobs?: { readonly content?: unknown } | null }[];
}

function contentOf(body: unknown): unknown[] {
  const content = (body as Told | null | undefined)?.choices?.[0]?.logprobs?.content;
  return Array.isArray(content) ? content : [];
}
