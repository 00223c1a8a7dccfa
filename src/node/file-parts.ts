import { type FileHandle, open } from "node:fs/promises";
import { ModelLoadError } from "../errors.js";
import type { FileParts } from "../onnx/read-without-weights.js";

/** Small parts are read together: nodes and shapes lie side by side. */
const BLOCK_BYTES = 16 * 2 ** 10;

/** Opens a file to be read in parts; dispose of it when done. */
export async function openParts(path: string): Promise<FileParts & AsyncDisposable> {
  const file = await open(path);
  const { size } = await file.stat();
  let block = { start: 0, bytes: new Uint8Array(0) };
  return {
    size,
    async read(offset, length) {
      const isInBlock =
        offset >= block.start && offset + length <= block.start + block.bytes.length;
      if (!isInBlock) {
        const bytes = new Uint8Array(Math.max(length, Math.min(BLOCK_BYTES, size - offset)));
        await fill(file, bytes, offset);
        block = { start: offset, bytes };
      }
      return block.bytes.subarray(offset - block.start, offset - block.start + length);
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/**
 * Fills an array with the bytes of a file from an offset on.
 *
 * @throws ModelLoadError when the file ends before
 */
async function fill(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0)
      throw new ModelLoadError(`the file ends before byte ${offset + bytes.length}`);
    done += bytesRead;
  }
}
