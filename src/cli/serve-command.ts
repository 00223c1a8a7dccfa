import { once } from "node:events";
import { Command, Option } from "commander";
import { checkSettings, type SettingsSchema } from "../index.js";
import {
  type HandlerOptions,
  type Inference,
  loadInference,
  logText,
  type ModelToServe,
  processInference,
  type RequestLog,
  type RunningServer,
  type ServeOptions,
  type ServingPlan,
  serve,
} from "../server/index.js";
import {
  addLoadingOptions,
  loadingOptions,
  type ModelFlags,
  showProgress,
} from "./model-options.js";
import { integerAtLeast, numberOption, several } from "./options.js";
import { say } from "./report-failure.js";
import { named, steeringFrom } from "./steering-files.js";
import { untilStopped } from "./stop-signal.js";

interface ServeFlags extends Omit<ModelFlags, "model"> {
  readonly model?: readonly string[];
  readonly method?: string;
  readonly steer?: readonly string[];
  readonly temperature?: number;
  readonly host: string;
  readonly port: number;
  readonly apiKey?: string;
  readonly insecure?: true;
  readonly imageHost?: readonly string[];
  readonly cors?: readonly string[];
  readonly maxRunning: number;
  readonly maxQueued: number;
  readonly maxTokens: number;
  readonly maxImageMegapixels: number;
  readonly maxBodyMib: number;
  readonly timeout: number;
  readonly grace: number;
  readonly log: "text" | "json" | "none";
  readonly logPrompts?: true;
  readonly inProcess?: true;
}

/** Seconds; a timer waits for no more. */
const GRACE = {
  grace: { type: "number", min: 0, max: 2_000_000, default: 30, summary: "" },
} as const satisfies SettingsSchema;

/** `groundsight serve`: models behind an OpenAI-compatible endpoint. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .description("Serve models behind an OpenAI-compatible endpoint, decoded by any method.")
    .optionsGroup("Model:")
    .option(
      "-m, --model <[name=]model>",
      "'pocket', a checkpoint's folder, or a hub id, and the name that requests use; given once for each (default: pocket)",
      several,
    );
  addLoadingOptions(command)
    .option("--in-process", "load them into the server's own process, which they hold up")
    .optionsGroup("Answers:")
    .option("--method <name>", "of requests that name none, such as vcd:alpha=2 (default: regular)")
    .option(
      "--steer <[name=]file>",
      "directions or a subspace that requests may steer by; given once for each file",
      several,
    )
    .option("--temperature <x>", "of requests that name none (default: 0, greedy)", numberOption)
    .optionsGroup("Server:")
    .option("--host <address>", "where to listen; 0.0.0.0 for all of the machine's", "127.0.0.1")
    .option("--port <n>", "0 for any that is free", integerAtLeast(0), 8000)
    .addOption(new Option("--api-key <key>", "what clients must send").env("GROUNDSIGHT_API_KEY"))
    .option("--insecure", "let others than this machine ask without an API key")
    .option(
      "--image-host <name>",
      "host that images may be fetched from, such as images.example.org; given once for each (default: none)",
      several,
    )
    .option("--cors <origin>", "pages that may ask, or '*' for all; given once for each", several)
    .option(
      "--grace <s>",
      "how long requests under way may go on once it is stopped",
      numberOption,
      30,
    )
    .addOption(
      new Option("--log <form>", "a line for each request on standard error")
        .choices(["text", "json", "none"])
        .default("text"),
    )
    .option("--log-prompts", "log what is asked and answered, too")
    .optionsGroup("Limits:")
    .option("--max-running <n>", "answers decoded at once", integerAtLeast(1), 16)
    .option("--max-queued <n>", "requests that wait; more get 429", integerAtLeast(0), 128)
    .option("--max-tokens <n>", "most that a request may ask for", integerAtLeast(1), 4096)
    .option("--max-image-megapixels <x>", "largest image", numberOption, 25)
    .option("--max-body-mib <x>", "largest request", numberOption, 32)
    .option("--timeout <s>", "longest time for a request", numberOption, 300);
  return command.addHelpText("after", HELP).action(run);
}

const HELP = `
Each model is served under its name, and decoded by a method under both: pocket, pocket:vcd, pocket:vti+vcd:alpha=2.

Examples:
  $ groundsight serve
  $ groundsight serve --model pocket --model llava=./checkpoint --method vcd --port 9000
  $ GROUNDSIGHT_API_KEY=... groundsight serve --host 0.0.0.0 --steer vti.safetensors
  $ curl http://127.0.0.1:8000/v1/chat/completions -H 'content-type: application/json' \\
      -d '{"model": "pocket", "messages": [{"role": "user", "content": "What is red?"}]}'`;

async function run(flags: ServeFlags): Promise<void> {
  const { grace } = checkSettings("serve", GRACE, { grace: flags.grace });
  const plan: ServingPlan = {
    models: modelsFrom(flags),
    steering: await steeringFrom(flags.steer ?? []),
    ...(flags.method === undefined ? {} : { method: flags.method }),
  };
  const server = await started(plan, flags);
  const isWhole = await untilStopped(async (signal) => {
    await once(signal, "abort");
    const { inFlight } = server;
    if (inFlight > 0) {
      say(`finishing ${inFlight} requests, for ${grace} s at most; a second signal ends at once`);
    }
    return server.close(1000 * grace);
  });
  if (!isWhole) process.exitCode = 1;
}

/** Loads and listens; a signal meanwhile ends the program. */
async function started(plan: ServingPlan, flags: ServeFlags): Promise<RunningServer> {
  const stop = new AbortController();
  const loading: Promise<Inference> =
    flags.inProcess === true
      ? loadInference(plan, showProgress)
      : processInference({ ...plan, onProgress: showProgress, onEnd: say, signal: stop.signal });
  try {
    const server = await serve(loading, serveOptions(flags));
    process.stdout.write(welcome(server, (await loading).models[0]!.id, plan, flags));
    return server;
  } catch (error) {
    stop.abort();
    throw error;
  }
}

function welcome(
  { url }: RunningServer,
  first: string,
  { models }: ServingPlan,
  { apiKey }: ServeFlags,
): string {
  const key = apiKey === undefined ? "" : ` -H "authorization: Bearer $GROUNDSIGHT_API_KEY"`;
  const body = { model: first, messages: [{ role: "user", content: "What is red?" }] };
  return `serving ${models.length === 1 ? first : `${models.length} models`} at ${url}/v1; try: curl ${url}/v1/chat/completions${key} -H 'content-type: application/json' -d '${JSON.stringify(body)}'\n`;
}

function serveOptions(flags: ServeFlags): ServeOptions {
  const { host, port, insecure = false, apiKey, imageHost, cors } = flags;
  const { temperature, logPrompts = false } = flags;
  const { maxRunning, maxQueued, maxTokens, maxBodyMib } = flags;
  const timeoutMs = Math.round(1000 * flags.timeout);
  const log = logFrom(flags.log);
  return {
    host,
    port,
    insecure,
    limits: { maxRunning, maxQueued, maxTokens, maxBodyMiB: maxBodyMib, timeoutMs },
    logPrompts,
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKeys: [apiKey] }),
    ...(imageHost === undefined ? {} : { imageHosts: imageHost }),
    ...(cors === undefined ? {} : { cors: cors.includes("*") ? "*" : cors }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(log === undefined ? {} : { log }),
  };
}

function logFrom(form: ServeFlags["log"]): HandlerOptions["log"] {
  if (form === "none") return undefined;
  const textOf = form === "json" ? JSON.stringify : logText;
  return (entry: RequestLog) => void process.stderr.write(`${textOf(entry)}\n`);
}

function modelsFrom({
  model = ["pocket"],
  maxImageMegapixels,
  ...flags
}: ServeFlags): ModelToServe[] {
  const { onProgress, ...loading } = loadingOptions(flags);
  const images = { maxMegapixels: maxImageMegapixels, allowUrls: false };
  return model.map((text) => {
    const { name, rest } = named(text);
    return {
      source: rest,
      ...(name === undefined ? {} : { name }),
      options: { ...loading, images },
    };
  });
}
