/**
 * Runs the fuzzers of test/fuzz: modules that export `fuzz(cases, seed, bounds)`, which throws at the first case
 * that is neither taken nor refused with a typed error. Each runs in a process of its own (fuzz-one.mjs), which
 * is ended when a case takes too long, and has a folder for temporary files, which is removed whatever happens.
 *
 *     npm run fuzz -- [--only images] [--cases 20000] [--seed 1] [--first 0] [--seconds 3600] [--case-seconds 10]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const USAGE = `Usage: npm run fuzz -- [options]

  --only <name>           one fuzzer of test/fuzz, for example images; all by default
  --cases <n>             most cases of each (default: 20000)
  --seed <n>              fixes the cases (default: 1)
  --first <n>             the case to begin with (default: 0)
  --seconds <s>           time of all together (default: 3600)
  --case-seconds <s>      longest that a case may take (default: 10)
  --folder <path>         where the fuzzers lie (default: test/fuzz)
  -h, --help              this text
`;

const values = flags();
/** A process may take so long before its first case and between two of them. */
const PREPARING_S = 60;

/** Has glibc give freed memory back at once, so that resident memory is memory in use, not what may be used again. */
const GIVES_MEMORY_BACK = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "65536",
};

const caseSeconds = values["case-seconds"];

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = values.folder === undefined ? join(root, "test", "fuzz") : resolve(values.folder);
const names = [];
for (const file of (await readdir(folder)).sort()) {
  if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
  const name = file.slice(0, -3);
  const text = await readFile(join(folder, file), "utf8");
  if (/^export (async )?function fuzz\(/m.test(text)) names.push(name);
}
if (values.only !== undefined && !names.includes(values.only)) {
  refuse(`--only: received ${values.only}; expected ${names.join(", ")}`);
}
const chosen = names.filter((name) => values.only === undefined || name === values.only);

// Inside the package, so that its dependencies are found.
const built = await mkdtemp(join(root, "node_modules", ".fuzz-"));
const temporary = await mkdtemp(join(tmpdir(), "groundsight-fuzz-"));
let child;
let stopped;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    stopped = signal;
    child?.kill("SIGKILL");
  });
}
try {
  await build({
    entryPoints: chosen.map((name) => join(folder, `${name}.ts`)),
    outdir: built,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
  });
  const end = performance.now() + values.seconds * 1000;
  for (const [done, name] of chosen.entries()) {
    if (stopped !== undefined) break;
    // What one fuzzer does not use of its share of the time is for those after it.
    const share = (end - performance.now()) / 1000 / (chosen.length - done);
    const failure = await runOne(name, Math.max(share, 0));
    if (failure === undefined) continue;
    process.exitCode = 1;
    process.stderr.write(`${failure}\n`);
  }
} finally {
  await rm(built, { recursive: true, force: true });
  await rm(temporary, { recursive: true, force: true });
}
if (stopped !== undefined) process.exitCode = 130;

/** The flags as they were given, or by default. */
function flags() {
  const numbers = { cases: 20_000, seed: 1, first: 0, seconds: 3600, "case-seconds": 10 };
  const text = { type: "string" };
  const options = { only: text, folder: text, help: { type: "boolean", short: "h" } };
  for (const name of Object.keys(numbers)) options[name] = text;
  let given;
  try {
    given = parseArgs({ options }).values;
  } catch (error) {
    refuse(error.message);
  }
  if (given.help === true) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  for (const [name, byDefault] of Object.entries(numbers)) {
    const value = Number(given[name] ?? byDefault);
    if (!(value >= 0))
      refuse(`--${name}: received ${given[name]}; expected a number of at least 0`);
    given[name] = value;
  }
  return given;
}

function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** Runs one fuzzer and prints its tally; what was wrong, if something was. */
async function runOne(name, seconds) {
  const bounds = { first: values.first, seconds, caseSeconds };
  const given = [
    join(built, `${name}.mjs`),
    String(values.cases),
    String(values.seed),
    JSON.stringify(bounds),
  ];
  const started = performance.now();
  child = spawn(process.execPath, [join(root, "scripts", "fuzz-one.mjs"), ...given], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary, ...GIVES_MEMORY_BACK },
    // Ctrl-C is for this process, which ends the other.
    detached: true,
  });
  let out = "";
  let errors = "";
  let place = "before its first case";
  let heard = performance.now();
  let isLate = false;
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    errors = `${errors}${data}`.slice(-10_000);
  });
  child.stdio[3].on("data", (data) => {
    heard = performance.now();
    place = `case ${String(data).trim().split("\n").at(-1)}`;
  });
  const watch = setInterval(() => {
    // A case that waits ends itself in time; one that does not wait cannot.
    const limit = place.startsWith("case") ? caseSeconds + 2 : PREPARING_S;
    if (performance.now() - heard < limit * 1000) return;
    isLate = true;
    child.kill("SIGKILL");
  }, 100);
  const [status, signal] = await once(child, "close");
  clearInterval(watch);
  const who = `${name}, seed ${values.seed}`;
  if (stopped !== undefined) return `${who}: ended by ${stopped} at ${place}`;
  if (isLate) return `${who}, ${place}: not done after ${caseSeconds} s, and had to be killed`;
  if (signal !== null) return `${who}, ${place}: the process died of ${signal}\n${errors}`;
  if (status !== 0) return errors.trim();
  const { cases, taken, refused, longestMs, memoryMiB } = JSON.parse(out);
  const { start, tenth, end, bound } = memoryMiB;
  const took = (performance.now() - started) / 1000;
  process.stdout.write(
    `${who}: ${cases} cases, ${taken} taken, ${refused} refused, the longest ${longestMs.toFixed(0)} ms, ` +
      `in ${took.toFixed(0)} s; RSS ${start.toFixed(0)} MiB at the start, ${tenth.toFixed(0)} after a tenth, ` +
      `${end.toFixed(0)} at the end (bound: ${bound} more than after a tenth)\n`,
  );
}
