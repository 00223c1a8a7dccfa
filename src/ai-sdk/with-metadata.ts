import type { SharedV4ProviderMetadata } from "@ai-sdk/provider";

/** Metadata with fields of ours added to those that there are. */
export function withMetadata(
  metadata: SharedV4ProviderMetadata | undefined,
  told: object,
): SharedV4ProviderMetadata {
  return { ...metadata, groundsight: { ...metadata?.groundsight, ...told } };
}
