import type { McpServer } from "@modelcontextprotocol/server";
import pLimit from "p-limit";
import type { ChatSetup } from "../chat/answer-chat.js";
import { chatMethod } from "../chat/chat-method.js";
import type { ImageLimits, Model } from "../index.js";
import { AllowedImages } from "./allowed-images.js";
import { registerAsk } from "./ask-tool.js";
import { registerExplainAnswer } from "./explain-answer-tool.js";
import { type McpSdk, mcpSdk } from "./mcp-sdk.js";
import { protocolInput } from "./protocol-input.js";
import { protocolOutput } from "./protocol-output.js";
import type { ToolSetup } from "./tool-setup.js";
import { registerVerifyCaption } from "./verify-caption-tool.js";

/** Calls that are worked on at a time: each holds a decoded image. */
const AT_ONCE = 4;

/** Longest message of a client; it holds an image of three quarters of that as a data URL. */
const LONGEST_MESSAGE = 32 * 2 ** 20;

const INSTRUCTIONS =
  "Tools of a vision-language model that runs on this machine. Before you tell a user what is in an image, let verify_caption check the words; what it doubts is better left out.";

/** What an MCP server serves. */
export interface McpOptions extends ChatSetup {
  /** Of this package. */
  readonly version: string;
  /** Loads the model, until the signal fires; called once. Through a worker, nothing can be explained. */
  readonly load: (images: ImageLimits, signal: AbortSignal) => Promise<Model>;
  /** Folders whose images may be read. Default none. */
  readonly roots?: readonly string[];
  /** What images may ask for. Default: as of `load`, but no URLs. */
  readonly images?: ImageLimits;
  /** Told what nobody foresaw in a call, for a log. */
  readonly onFault?: (error: unknown) => void;
  /** Told what is wrong with the client's messages, for a log. */
  readonly onClientError?: (error: Error) => void;
  /** Ends the serving. */
  readonly signal?: AbortSignal;
}

/**
 * Serves a model's tools on standard input and output until the client closes them, or the signal fires.
 *
 * @throws UnsupportedCapabilityError where the MCP SDK is not installed, with the command that installs it
 * @throws InvalidArgumentError for folders that are none and methods that are unknown; and whatever loading the model throws
 */
export async function serveMcp({
  version,
  load,
  roots = [],
  images = {},
  onFault = () => {},
  onClientError = () => {},
  signal,
  ...chat
}: McpOptions): Promise<void> {
  const { steering = new Map(), method: byDefault } = chat;
  const method = chatMethod({}, steering, byDefault);
  const sdk = await mcpSdk();
  const { serveStdio, StdioServerTransport } = sdk;
  const limits = { allowUrls: false, ...images };
  const allowed = await AllowedImages.of(roots, limits);
  const input = protocolInput(process.stdin, LONGEST_MESSAGE);
  // Of the lines before the longest one it holds a chunk at most.
  const transport = new StdioServerTransport(input, protocolOutput(), {
    maxBufferSize: 2 * LONGEST_MESSAGE,
  });
  const stop = new AbortController();
  const model = load(limits, stop.signal).then(async (loaded) => {
    await loaded.prepare(method);
    return loaded;
  });
  const setup: ToolSetup = { ...chat, model, images: allowed, onFault, inTurn: pLimit(AT_ONCE) };
  const serving = serveStdio(() => createServer(sdk, version, setup), {
    transport,
    onerror: onClientError,
  });
  const isClosed = new Promise<void>((resolve) => {
    const { onclose } = transport;
    transport.onclose = () => {
      onclose?.();
      resolve();
    };
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });
  try {
    // A model that cannot be loaded ends the server at once.
    await Promise.race([isClosed, model.then(() => isClosed)]);
  } finally {
    stop.abort();
    await serving.close();
    input.destroy();
    await model.then((loaded) => loaded.dispose()).catch(() => {});
  }
}

/** A server with the tools, for one connection. */
export function createServer(
  { McpServer: Server }: Pick<McpSdk, "McpServer">,
  version: string,
  setup: ToolSetup,
): McpServer {
  const server = new Server(
    { name: "groundsight", title: "Groundsight", version },
    { instructions: INSTRUCTIONS },
  );
  for (const register of TOOLS) register(server, setup);
  return server;
}

const TOOLS = [registerAsk, registerVerifyCaption, registerExplainAnswer];
