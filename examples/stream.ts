// An answer token by token, from a worker thread, which a user may cancel: what a server needs.
import { GroundsightError, load, vcd } from "groundsight";

await using model = await load("pocket", { worker: true });
const cancel = AbortSignal.timeout(30_000);
try {
  const image = process.argv[2] ?? "photo.jpg";
  const stream = model.stream({
    image,
    prompt: "Describe the image.",
    method: vcd(),
    signal: cancel,
  });
  for await (const { text } of stream) process.stdout.write(text);
  const { usage, timings } = await stream.answer;
  console.log(`\n${usage.generatedTokens} tokens, ${timings.msPerToken?.toFixed(1)} ms each`);
} catch (error) {
  if (!GroundsightError.isInstance(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
}
