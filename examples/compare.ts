// One question to several methods at once: compare photo.jpg
import { apc, load, regular, vcd } from "groundsight";

const image = process.argv[2] ?? "photo.jpg";
const model = await load("pocket");
const methods = [regular(), apc(), vcd()];
const requests = methods.map((method) => ({ image, prompt: "Describe the image.", method }));
for (const { method, text } of await model.generateBatch(requests)) console.log(method.name, text);
await model.dispose();
