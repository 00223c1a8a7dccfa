// What trials of the installed package stand on: code and commands as the guides print them, and projects to run them in.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const read = (path) => readFileSync(join(root, path), "utf8");

/** The code block of a guide that begins with a line. */
export function codeOf(guide, line) {
  const blocks = [...read(guide).matchAll(/^```\w+\n([\s\S]*?)^```/gm)].map(([, text]) => text);
  const found = blocks.find((text) => text.startsWith(`${line}\n`));
  if (found === undefined) throw new Error(`${guide} has no code that begins with '${line}'`);
  return found;
}

/** The command of a guide that begins so. */
export function commandOf(guide, start) {
  const found = read(guide)
    .match(/^```sh\n[\s\S]*?^```/gm)
    ?.join("\n")
    .split("\n")
    .find((line) => line.startsWith(start));
  if (found === undefined) throw new Error(`${guide} has no command that begins with '${start}'`);
  return found;
}

const controller = new AbortController();
/** Fires when the trials are to stop. */
export const stopping = controller.signal;
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => controller.abort());

/** The environment of a user's terminal: without what npm and this repository say to their own scripts. */
const environment = { NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1" };
for (const [name, value] of Object.entries(process.env)) {
  const isOurs =
    /^(npm_(package|lifecycle|command|execpath|config_(local_prefix|onnx))|ONNXRUNTIME|VITEST|INIT_CWD|NODE_ENV|NODE_OPTIONS|FORCE_COLOR)/i;
  if (!isOurs.test(name)) environment[name] = value;
}

/** Starts a command with all that it starts as one group, so that it ends as one. */
function start(line, cwd) {
  stopping.throwIfAborted();
  const isWindows = process.platform === "win32";
  const child = spawn(line, {
    cwd,
    env: environment,
    shell: true,
    detached: !isWindows,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
  const stop = () => {
    try {
      if (isWindows) spawn("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
      else process.kill(-child.pid, "SIGTERM");
    } catch {} // It has ended.
  };
  stopping.addEventListener("abort", stop);
  const ended = new Promise((resolve) => {
    child.on("close", (status) => {
      stopping.removeEventListener("abort", stop);
      resolve({ status, text: text.trim() });
    });
  });
  return { stop, ended };
}

export async function run(line, cwd, wanted = 0) {
  const { status, text } = await start(line, cwd).ended;
  stopping.throwIfAborted();
  if (status !== wanted)
    throw new Error(`'${line}' ended with ${status} instead of ${wanted}:\n${text.slice(-4000)}`);
  return text;
}

/** What was measured, a line each. */
export const sizes = [];

/** An empty project. */
export function projectIn(folder) {
  mkdirSync(folder, { recursive: true });
  const path = (name) => join(folder, name);
  return {
    folder,
    run: (line, wanted) => run(line, folder, wanted),
    start: (line) => start(line, folder),
    read: (name) => readFileSync(path(name), "utf8"),
    write(name, text) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), text);
    },
    /** Measures what is installed, as docs/install.md has it. */
    async size(what) {
      if (process.platform === "win32") return;
      sizes.push(`${(await run("du -sm node_modules", folder)).split("\t")[0]} MB  ${what}`);
    },
  };
}

/** A port that nobody listens at. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
