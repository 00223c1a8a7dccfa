import { pipeline, type Readable, Transform } from "node:stream";

const LINE_END = 0x0a;

/**
 * A client's messages in whole lines. The SDK copies and searches all that it holds of a line with each chunk: given these,
 * it does that once, where an image as a data URL took it minutes.
 *
 * @param longest bytes of a line; a longer one ends the stream and its input with an error
 */
export function protocolInput(input: Readable, longest: number): Readable {
  let begun: Buffer[] = [];
  let bytes = 0;
  const lines = new Transform({
    transform(chunk: Buffer, _, done) {
      const end = chunk.lastIndexOf(LINE_END) + 1;
      const isTooLong = bytes + (end > 0 ? chunk.indexOf(LINE_END) : chunk.length) > longest;
      if (isTooLong) return done(new Error(`a message is longer than ${longest} bytes`));
      if (end > 0) {
        lines.push(Buffer.concat([...begun, chunk.subarray(0, end)]));
        [begun, bytes] = [[], 0];
      }
      begun.push(chunk.subarray(end));
      bytes += chunk.length - end;
      done();
    },
  });
  pipeline(input, lines, () => {});
  return lines;
}
