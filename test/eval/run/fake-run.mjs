// A run with a fake model, for tests that kill it:
//   node fake-run.mjs <run folder> <ms before an answer> [<answers> [<journal> [<when to begin>]]]
// Ends after so many answers of its own, if it is told how many. Says "open" on its output when it holds its
// folder, or "refused: ..."; writes to the journal from when to when. Times are those of the monotonic clock,
// which is the same for all processes of a machine.
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { runEvaluation } from "../../../dist/eval/run/run-evaluation.js";
import { AnswerStore } from "../../../dist/eval/store/answer-store.js";

const [folder, pause, most, journal, begin = "0"] = process.argv.slice(2);
const self = randomUUID();

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

const enough = new AbortController();
let answered = 0;

async function answer(requests, onAnswer, signal) {
  for (const [index, request] of requests.entries()) {
    signal.throwIfAborted();
    if (Number(pause) > 0) await new Promise((done) => setTimeout(done, Number(pause)));
    const { question, series: one } = request;
    const text = `${one.method} ${one.seed}: ${question.prompt.repeat(1 + (Number(question.id) % 9))}`;
    onAnswer({ text, ms: Math.random() * 9, decodeMs: Math.random(), tokens: 1 }, index);
    answered++;
    if (answered === Number(most)) enough.abort();
  }
}

const note = (what) => {
  if (journal) appendFileSync(journal, `${what} ${process.hrtime.bigint()} ${self}\n`);
};

while (process.hrtime.bigint() < BigInt(begin)) await new Promise(setImmediate);
try {
  // A container that is killed is missed after 300 ms instead of 20 s.
  const store = await AnswerStore.open(folder, settings, { lock: { beatMs: 50, missedBeats: 6 } });
  note("from");
  process.stdout.write("open\n");
  await runEvaluation(sets, series, answer, store, { batchSize: 4, signal: enough.signal }).catch(
    (error) => {
      if (error.code !== "ABORTED") throw error;
    },
  );
  note("to");
  await store.close();
} catch (error) {
  if (error.code !== "DATASET") throw error;
  process.stdout.write(`refused: ${error.message}\n`);
}
