// node test/node/ended-worker.mjs <built index.js> <checkpoint> terminate|crash
// A model whose worker ends while it answers. In a process of its own: ONNX Runtime may abort the process when a thread
// is ended within its native code (docs/checkpoints.md).
import assert from "node:assert/strict";

const [, , built, checkpoint, how] = process.argv;
const { apc, load } = await import(built);
const short = { prompt: "?", maxTokens: 3 };
const long = { prompt: "Hello", maxTokens: 2000 };
const nextThread = () => new Promise((resolve) => process.once("worker", resolve));

const first = nextThread();
const model = await load(checkpoint, { threads: 1, worker: true });
const thread = await first;
let answer;
await new Promise((started) => {
  answer = model.generateBatch([long], { onPiece: () => started() });
  answer.catch(() => undefined);
});
const settled = model.generateSettled([long]);
settled.catch(() => undefined);
// An idle model's thread keeps no process alive.
const alive = setInterval(() => {}, 1000);
const exited = new Promise((resolve) => thread.once("exit", resolve));
if (how === "terminate") thread.terminate();
else thread.postMessage(null);
const message = how === "terminate" ? /worker has ended/ : /worker (failed|has)/;
const failure = { code: "INFERENCE", name: "InferenceError", message };
await assert.rejects(answer, failure);
await assert.rejects(settled, failure);
await exited;

const second = nextThread();
const [answers, hash] = await Promise.all([
  model.generateBatch([short, short]),
  model.hash(),
  model.prepare(apc()),
]);
const here = await load(checkpoint, { threads: 1 });
const { tokens } = await here.generate(short);
assert.deepEqual(
  answers.map((one) => one.tokens),
  [tokens, tokens],
);
assert.equal(hash, await here.hash());
await here.dispose();
// One new thread for all three calls, and the streams behind them.
let further = 0;
process.on("worker", () => further++);
assert.deepEqual((await model.stream(short).answer).tokens, tokens);
assert.ok((await second).threadId > thread.threadId);
assert.equal(further, 0);
await model.dispose();
await assert.rejects(model.generate({ prompt: "?" }), /disposed/);
clearInterval(alive);
console.log("held");
