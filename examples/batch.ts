// Many questions at once: text as it comes, answers as they are complete, and failures told one by one.
import { load, regular, vcd } from "groundsight";

await using model = await load("pocket", { liveCacheMiB: 512 }); // what would take more memory waits its turn
const image = process.argv[2] ?? "photo.jpg";
const questions = [
  "Is there a dog in the image?",
  "Is there a cat in the image?",
  "What colour is the bus?",
];
const requests = questions.flatMap((prompt) =>
  [regular(), vcd()].map((method) => ({ image, prompt, method })),
);
const texts = requests.map(() => "");
const answers = await model.generateBatch(requests, {
  onPiece: ({ text }, index) => {
    texts[index] += text;
  },
  onAnswer: ({ text, method }, index) => console.log(questions[index >> 1], method.name, text),
});
console.log(answers.every(({ text }, i) => text === texts[i]?.trim()));

// generateBatch throws the first failure; generateSettled tells of each request whether it was answered.
const settled = await model.generateSettled([...requests, { image: "missing.png", prompt: "?" }]);
for (const result of settled) {
  if (result.status === "rejected") console.log(result.reason.message);
}
