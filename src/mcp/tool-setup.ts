import type { McpServer, ServerContext } from "@modelcontextprotocol/server";
import type { ChatSetup } from "../chat/answer-chat.js";
import type { Model } from "../index.js";
import type { AllowedImages } from "./allowed-images.js";

/** What the tools work with. */
export interface ToolSetup extends ChatSetup {
  /** The model, as soon as it is loaded. */
  readonly model: Promise<Model>;
  readonly images: AllowedImages;
  /** Told of what nobody foresaw, for the server's log. */
  readonly onFault: (error: unknown) => void;
  /** Runs what a tool does when its turn has come. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Adds a tool to a server. */
export type RegisterTool = (server: McpServer, setup: ToolSetup) => void;

/** What is told of a call: to a client that asked for it. */
export type CallContext = ServerContext;
