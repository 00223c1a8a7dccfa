// Many questions at once, each answer handed over as soon as it is there.
import { load, regular, vcd } from "groundsight";

await using model = await load("pocket");
const image = process.argv[2] ?? "photo.jpg";
const questions = ["Is there a dog?", "Is there a cat?", "What colour is the car?"];
const requests = questions.flatMap((prompt) =>
  [regular(), vcd()].map((method) => ({ image, prompt, method })),
);
await model.generateBatch(requests, {
  onAnswer({ text, method }, index) {
    console.log(requests[index]?.prompt, method.name, text);
  },
});
