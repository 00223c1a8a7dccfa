import { DatasetError } from "../errors.js";
import type { Backend, OpenedImage } from "./backend.js";
import type { ImageSource } from "./conversation.js";

/**
 * Opens the images of a request together.
 *
 * @throws DatasetError when one cannot be read, saying which of several
 */
export async function openImages(
  backend: Pick<Backend, "openImage">,
  sources: readonly ImageSource[],
  signal: AbortSignal | undefined,
): Promise<OpenedImage[]> {
  const opening = sources.map(async (source, i) => {
    try {
      return await backend.openImage(source, signal);
    } catch (error) {
      if (!(error instanceof DatasetError) || sources.length === 1) throw error;
      const message = `image ${i + 1} of ${sources.length}: ${error.message}`;
      throw new DatasetError(message, { cause: error });
    }
  });
  return Promise.all(opening);
}
