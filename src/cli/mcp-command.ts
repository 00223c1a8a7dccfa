import { Command } from "commander";
import { load } from "../index.js";
import { serveMcp } from "../mcp/index.js";
import { addModelOptions, loadingOptions, type ModelFlags } from "./model-options.js";
import { reportFailure, say } from "./report-failure.js";
import { untilStopped } from "./stop-signal.js";
import { VERSION } from "./version.js";

interface McpFlags extends ModelFlags {
  readonly method: string;
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

async function run({ model, method, root, allowUrls, ...flags }: McpFlags): Promise<void> {
  await untilStopped((signal) =>
    serveMcp({
      version: VERSION,
      load: (images, stop) => load(model, { ...loadingOptions(flags), images, signal: stop }),
      method,
      signal,
      onFault: (error) => void reportFailure(error),
      onClientError: ({ message }) => say(`the client's message cannot be read: ${message}`),
      ...(root === undefined ? {} : { roots: root }),
      images: { allowUrls: allowUrls === true },
    }),
  );
}
