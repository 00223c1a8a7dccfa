import { Writable } from "node:stream";

/**
 * Standard output for the protocol alone: what anything else writes there from now on goes to standard error, since one
 * stray line would end the client's reading.
 */
export function protocolOutput(): Writable {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  return new Writable({
    decodeStrings: false,
    write: (chunk: string, encoding, done) => {
      write(chunk, encoding, done);
    },
  });
}
