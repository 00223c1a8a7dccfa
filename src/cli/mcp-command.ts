import { Command } from "commander";
import { load } from "../index.js";
import { serveMcp } from "../mcp/index.js";
import { addModelOptions, loadingOptions, type ModelFlags } from "./model-options.js";
import { several } from "./options.js";
import { reportFailure, say } from "./report-failure.js";
import { steeringFrom } from "./steering-files.js";
import { untilStopped } from "./stop-signal.js";
import { VERSION } from "./version.js";

interface McpFlags extends ModelFlags {
  readonly method: string;
  readonly steer?: readonly string[];
  readonly root?: string[];
  readonly allowUrls?: true;
}

/** `groundsight mcp`: tools for MCP clients, on standard input and output. */
export function mcpCommand(): Command {
  const command = new Command("mcp")
    .description(
      "Serve the tools ask, verify_caption and explain_answer to an MCP client, on standard input and output.",
    )
    .option("--method <name>", "how tokens are chosen where a call does not say it", "regular")
    .option(
      "--steer <[name=]file>",
      "directions or a subspace that calls may steer by; given once for each file",
      several,
    )
    .option(
      "--root <folder...>",
      "folders whose images may be read, links out of them not followed (default: none, so data URLs alone)",
    )
    .option("--allow-urls", "also fetch images from http and https URLs at public addresses");
  return addModelOptions(command)
    .addHelpText(
      "after",
      `
A client starts it itself (docs/mcp.md), with a configuration such as

  { "mcpServers": { "groundsight": {
      "command": "npx", "args": ["groundsight", "mcp", "--root", "/home/me/Pictures"] } } }`,
    )
    .action(run);
}

async function run({
  model,
  method,
  steer = [],
  root,
  allowUrls,
  ...flags
}: McpFlags): Promise<void> {
  const steering = await steeringFrom(steer);
  await untilStopped((signal) =>
    serveMcp({
      version: VERSION,
      load: (images, stop) => load(model, { ...loadingOptions(flags), images, signal: stop }),
      method,
      steering,
      signal,
      onFault: (error) => void reportFailure(error),
      onClientError: ({ message }) => say(`the client's message cannot be read: ${message}`),
      ...(root === undefined ? {} : { roots: root }),
      images: { allowUrls: allowUrls === true },
    }),
  );
}
