import { load, vcd } from "groundsight";

const model = await load("pocket"); // or a checkpoint folder, or a hub id
const image = process.argv[2] ?? "photo.jpg";
const answer = await model.generate({
  image,
  prompt: "Is there a fork in the image?",
  method: vcd({ alpha: 1, beta: 0.1 }),
});
console.log(answer.text, answer.tokens[0]?.logprob);
