// A run with a fake model, for tests that kill it: node fake-run.mjs <run folder> <ms>
// Says "open" by a message when forked, else on its output.
import { runEvaluation } from "../../../dist/eval/run/run-evaluation.js";
import { AnswerStore } from "../../../dist/eval/store/answer-store.js";

const [folder, pause] = process.argv.slice(2);

const series = ["regular", "apc", "vcd"].flatMap((method) =>
  [null, 0, 1].map((seed) => ({ method, settings: {}, seed })),
);
const questions = Array.from({ length: 60 }, (_, i) => ({
  id: String(i + 1),
  image: `${i >> 1}.png`,
  prompt: "Is there a dog? é😀",
}));
const sets = [{ name: "pope", questions, maxTokens: 8 }];
const settings = {
  version: "0",
  model: { id: "fake", hash: "0", dtype: "fp32" },
  promptSuffix: "",
  temperature: 1,
  topP: 1,
  sets: [],
  series,
};

async function answer(requests, onAnswer) {
  for (const [index, request] of requests.entries()) {
    if (Number(pause) > 0) await new Promise((done) => setTimeout(done, Number(pause)));
    const { question, series: one } = request;
    const text = `${one.method} ${one.seed}: ${question.prompt.repeat(1 + (Number(question.id) % 9))}`;
    onAnswer({ text, ms: Math.random() * 9, decodeMs: Math.random(), tokens: 1 }, index);
  }
}

// A container that is killed is missed after 300 ms instead of 20 s.
const store = await AnswerStore.open(folder, settings, { lock: { beatMs: 50, missedBeats: 6 } });
if (process.send === undefined) process.stdout.write("open\n");
else process.send("open");
await runEvaluation(sets, series, answer, store, { batchSize: 4 });
await store.close();
