// What serving costs and gains: a server under the load of many clients, and batches against one answer at a time.
//
//   npm run --silent build && node benchmarks/serve.mjs                          200 clients for 60 s, then 9 rounds
//   node benchmarks/serve.mjs --clients 20 --seconds 5 --rounds 3 --think 2      a trial
//
// Load: clients ask at random (seeded) times about random images, whole or streamed, greedy or sampled, by regular or vcd;
// some go away midway, some read slowly. Each answer that came to its end is held to that of the model alone in this
// process: text, tokens and log-probabilities. The server's and its models' memory is read each second, and /health asked
// twenty times a second.
// Throughput: all questions at once, to a server that decodes 16 answers together and to one that decodes one at a time, in
// turns; medians over rounds, the gain within a round.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { load, median, methodFromText, SeededRandom } from "../dist/index.js";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    /** Mean time between an answer and the client's next question, in seconds. */
    think: { type: "string", default: "10" },
    rounds: { type: "string", default: "9" },
    threads: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
});
const [clients, seconds, think, rounds] = ["clients", "seconds", "think", "rounds"].map((name) =>
  Number(values[name]),
);
const SHARES = { streamed: 0.6, aborted: 0.15, slow: 0.1 };

/** Every question, with its answer when the model is alone. */
async function madeQuestions() {
  const folder = fileURLToPath(new URL("../pocket/bench/dev/images/", import.meta.url));
  const prompts = ["Describe the image.", "Is there a dog in the image?", "What is at the top?"];
  const model = await load("pocket", { threads: Number(values.threads) });
  const questions = [];
  for (const [i, name] of readdirSync(folder).sort().slice(0, 48).entries()) {
    const method = i % 4 === 3 ? "vcd" : "regular";
    const [image, prompt] = [readFileSync(`${folder}${name}`), prompts[i % prompts.length]];
    const decoding = { temperature: i % 2, seed: i };
    const asked = { image, prompt, method: methodFromText(method), maxTokens: 40 };
    const alone = await model.generate({ ...asked, ...decoding });
    const url = `data:image/png;base64,${image.toString("base64")}`;
    const body = {
      model: `pocket:${method}`,
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url } },
            { type: "text", text: prompt },
          ],
        },
      ],
      ...decoding,
      max_tokens: 40,
      logprobs: true,
    };
    questions.push({ body, alone });
  }
  await model.dispose();
  return questions;
}

/** A server, with the ids of its own process and that of its models. */
async function started(...flags) {
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const args = ["serve", "--port", "0", "--log", "none", "--threads", values.threads];
  const child = spawn(process.execPath, [main, ...args, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const [line] = await once(createInterface(child.stdout), "line");
  const url = /http:\S+(?=\/v1;)/.exec(line)[0];
  const { pid } = child;
  const models = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
  return { url, pids: [pid, models], end: () => child.kill("SIGKILL") };
}

const asked = (url, body, signal) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });

/** Differences of log-probabilities from those of the model alone. */
let farthest = 0;

/** Holds what a client got to the answer of the model alone. */
function check({ text, tokens }, { alone }) {
  assert.equal(text, alone.text);
  assert.deepEqual(
    tokens.map(({ token }) => token),
    alone.tokens.map((token) => token.text),
  );
  tokens.forEach(({ logprob }, i) => {
    farthest = Math.max(farthest, Math.abs(logprob - alone.tokens[i].logprob));
  });
}

async function wholeAnswer(response) {
  const { choices } = await response.json();
  const [{ message, logprobs }] = choices;
  return { text: message.content, tokens: logprobs.content };
}

/** @param pause waited before each piece is read @param most events after which the client goes away */
async function streamedAnswer(response, { pause = 0, most = Infinity, onFirst, leave }) {
  let text = "";
  let [rest, events, isWhole] = ["", 0, false];
  const tokens = [];
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + bytes).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, "");
      if (data === "[DONE]") isWhole = true;
      if (data === "[DONE]" || data.startsWith(":")) continue;
      const { choices, error } = JSON.parse(data);
      assert.equal(error, undefined);
      const [{ delta, logprobs }] = choices;
      if (delta.content) onFirst?.();
      text += delta.content ?? "";
      tokens.push(...(logprobs?.content ?? []));
      if (++events > most) {
        leave();
        throw new Error("the client goes away");
      }
    }
    if (pause > 0) await delay(pause);
  }
  assert.ok(isWhole, "the stream broke off");
  return { text, tokens };
}

/** What became of all questions. */
const told = { answered: 0, slowly: 0, gone: 0, refused: 0, lost: 0, wrong: 0 };
const times = { first: [], whole: [] };
/** What was asked and is neither answered nor given up. */
let open = 0;

async function client(url, number, questions, end) {
  const random = new SeededRandom(Number(values.seed), `client ${number}`);
  for (;;) {
    const pause = -1000 * think * Math.log(1 - random.uniform());
    if (performance.now() + pause > end) return;
    await delay(pause);
    const question = questions[Math.floor(random.uniform() * questions.length)];
    const isStream = random.uniform() < SHARES.streamed;
    const fate = random.uniform();
    const leaves = fate < SHARES.aborted;
    const isSlow = isStream && !leaves && fate < SHARES.aborted + SHARES.slow;
    const [afterMs, most] = [random.uniform() * 1000, Math.floor(random.uniform() * 12)];
    await attempt(url, question, { isStream, leaves, isSlow, afterMs, most });
  }
}

async function attempt(url, question, plan) {
  const gone = new AbortController();
  const leave = () => gone.abort();
  if (plan.leaves && !plan.isStream) setTimeout(leave, plan.afterMs);
  const startedAt = performance.now();
  const since = () => performance.now() - startedAt;
  open++;
  try {
    const response = await asked(
      url,
      plan.isStream ? { ...question.body, stream: true } : question.body,
      gone.signal,
    );
    if (response.status === 429) {
      await response.body?.cancel();
      told.refused++;
      await delay(1000 * Number(response.headers.get("retry-after")));
      return attempt(url, question, plan);
    }
    assert.equal(response.status, 200);
    let first;
    const answer = plan.isStream
      ? await streamedAnswer(response, {
          pause: plan.isSlow ? 200 : 0,
          most: plan.leaves ? plan.most : Infinity,
          onFirst() {
            first ??= since();
          },
          leave,
        })
      : await wholeAnswer(response);
    if (plan.isSlow) told.slowly++;
    else {
      times.whole.push(since());
      if (first !== undefined) times.first.push(first);
    }
    told.answered++;
    try {
      check(answer, question);
    } catch (error) {
      told.wrong++;
      console.error(error.message);
    }
  } catch (error) {
    if (gone.signal.aborted) told.gone++;
    else {
      told.lost++;
      console.error(error);
    }
  } finally {
    open--;
  }
}

/** Asks for the health until it is told to stop. */
function watchedHealth(url, everyMs) {
  const waits = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const startedAt = performance.now();
      const response = await fetch(`${url}/health`);
      await response.arrayBuffer();
      waits.push(performance.now() - startedAt);
      await delay(everyMs);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    return waits;
  };
}

const quantile = (numbers, q) =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(q * numbers.length))];
const ms = (numbers) => [0.5, 0.95, 1].map((q) => quantile(numbers, q)?.toFixed(0)).join(" / ");
const range = (numbers) => [0, 1].map((q) => quantile(numbers, q).toFixed(2)).join(" to ");
const mibOf = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

async function underLoad(questions) {
  const { url, pids, end } = await started("--max-queued", "64");
  const memory = pids.map(() => []);
  const sampling = setInterval(() => {
    for (const [i, pid] of pids.entries()) memory[i].push(mibOf(pid));
    const second = memory[0].length;
    if (second % 10 === 0) console.error(`${second} s: ${JSON.stringify({ ...told, open })}`);
  }, 1000);
  const health = watchedHealth(url, 50);
  const until = performance.now() + 1000 * seconds;
  await Promise.all(Array.from({ length: clients }, (_, i) => client(url, i, questions, until)));
  clearInterval(sampling);
  const waits = await health();
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const gauge = (name) => Number(new RegExp(`^groundsight_${name} (\\d+)`, "m").exec(metrics)?.[1]);
  console.log(`\n${clients} clients, ${seconds} s, load of the machine ${loadavg()[0].toFixed(1)}`);
  console.log(JSON.stringify({ ...told, farthestLogprob: farthest }));
  console.log(`first token, ms (p50 / p95 / most): ${ms(times.first)}`);
  console.log(`whole answer, ms: ${ms(times.whole)}; /health, ms: ${ms(waits)}`);
  for (const [i, name] of ["server", "models"].entries()) {
    const third = Math.floor(memory[i].length / 3);
    const parts = [0, 1, 2].map((k) => median(memory[i].slice(k * third, (k + 1) * third)));
    const told = parts.map((mib) => mib.toFixed(0)).join(" / ");
    console.log(`memory of the ${name}, MiB, median of each third: ${told}`);
  }
  console.log(`left over: ${gauge("running_answers")} running, ${gauge("queued_requests")} queued`);
  end();
}

async function throughput(questions) {
  const servers = {
    together: await started("--max-running", "16"),
    alone: await started("--max-running", "1"),
  };
  const tokens = questions.reduce((sum, { alone }) => sum + alone.tokens.length, 0);
  const rates = { together: [], alone: [] };
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? ["together", "alone"] : ["alone", "together"];
    for (const name of order) {
      const startedAt = performance.now();
      await Promise.all(
        questions.map(async (question) => {
          const response = await asked(servers[name].url, question.body);
          check(await wholeAnswer(response), question);
        }),
      );
      // The first round warms up.
      if (round >= 0) rates[name].push((1000 * tokens) / (performance.now() - startedAt));
    }
  }
  const gains = rates.together.map((rate, i) => rate / rates.alone[i]);
  const rate = (name) => `${median(rates[name]).toFixed(0)} tokens/s`;
  console.log(`\n${questions.length} questions at once, ${tokens} tokens, ${rounds} rounds`);
  console.log(`16 together: ${rate("together")}; one at a time: ${rate("alone")}`);
  console.log(`gain: ${median(gains).toFixed(2)} (${range(gains)})`);
  const { url } = servers.together;
  await whilePrefilling(url);
  for (const server of Object.values(servers)) server.end();
}

/** How long /health takes while a long prompt is read. */
async function whilePrefilling(url) {
  const words = "dog cat bowl ".repeat(450);
  const health = watchedHealth(url, 5);
  const startedAt = performance.now();
  const response = await asked(url, {
    model: "pocket",
    messages: [{ role: "user", content: words }],
    max_tokens: 1,
  });
  const { usage } = await response.json();
  const took = performance.now() - startedAt;
  const waits = await health();
  console.log(
    `a prompt of ${usage?.prompt_tokens} tokens took ${took.toFixed(0)} ms; /health meanwhile, ms: ${ms(waits)} (${waits.length} times)`,
  );
}

const questions = await madeQuestions();
await underLoad(questions);
await throughput(questions);
