// Steering (VTI) is a method: it may carry another one, join others in a batch, and runs in a worker thread too.
// steer photo.jpg directions.safetensors, which 'groundsight steer fit' makes for the model.
import { readFile } from "node:fs/promises";
import { decodeDirections, load, regular, vcd, vti } from "groundsight";

const [image = "photo.jpg", file = "directions.safetensors"] = process.argv.slice(2);
const directions = decodeDirections(await readFile(file));
await using model = await load("pocket", { worker: true });
const methods = [
  regular(),
  vti({ directions }), // strengths 0.4, as in the paper
  vti({ directions, image: 0.4, text: 0.4, method: vcd() }),
];
const requests = methods.map((method) => ({ image, prompt: "Describe the image.", method }));
for (const { text } of await model.generateBatch(requests)) console.log(text);
