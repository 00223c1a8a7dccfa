// A conversation: several turns, several images. A further question costs its own tokens only, since what its prompt
// has in common with earlier ones is kept. Images are paths, URLs, data URLs, bytes, Blobs or decoded pixels.
import { readFile } from "node:fs/promises";
import { load, type Turn, vcd } from "groundsight";

await using model = await load("pocket");
const [first = "first.jpg", second = "second.jpg"] = process.argv.slice(2);
const dataUrl = `data:image/png;base64,${(await readFile(first)).toString("base64")}`;
const blob = new Blob([await readFile(second)]);

const turns: Turn[] = [];
/** Asks, and keeps question and answer. Methods act on the conversation: vcd distorts every image in it. */
async function ask(...content: Exclude<Turn["content"], string>): Promise<void> {
  turns.push({ role: "user", content });
  const { text, usage } = await model.generate({ turns, method: vcd() });
  turns.push({ role: "assistant", content: text });
  console.log(`${text}  (${usage.promptTokens} tokens of prompt, ${usage.imageTokens} of images)`);
}

await ask({ type: "image", image: dataUrl }, { type: "text", text: "Describe the image." });
await ask({ type: "text", text: "Is there a dog in the image?" });
await ask({ type: "image", image: blob }, { type: "text", text: "Is there a bus in the image?" });
