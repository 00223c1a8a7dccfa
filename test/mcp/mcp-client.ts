import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { main } from "../cli/groundsight.js";

/** What a call of a tool gives. */
export interface ToolResult {
  readonly text: string;
  readonly isError: boolean;
  readonly content: Record<string, unknown> | undefined;
}

/** A client of `groundsight mcp`, run as clients run it. */
export interface McpRun {
  readonly client: Client;
  /** What the server wrote to standard error. */
  readonly log: () => string;
  call(name: string, args: Record<string, unknown>): Promise<ToolResult>;
}

/** Starts the built command line with arguments behind `mcp` and connects to it. */
export async function connectMcp(
  args: readonly string[],
  { env = {}, modern = false }: { env?: Record<string, string>; modern?: boolean } = {},
): Promise<McpRun> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [main, "mcp", "--threads", "1", ...args],
    env: { ...(process.env as Record<string, string>), ...env },
    stderr: "pipe",
  });
  let log = "";
  transport.stderr!.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const client = new Client(
    { name: "test", version: "1" },
    modern ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {},
  );
  await client.connect(transport);
  return {
    client,
    log: () => log,
    call: (name, given) => callTool(client, name, given),
  };
}

/** Calls a tool. */
export async function callTool(
  client: Client,
  name: string,
  args: Record<string, unknown>,
): Promise<ToolResult> {
  const {
    content,
    isError = false,
    structuredContent,
  } = await client.callTool({
    name,
    arguments: args,
  });
  const [first] = content as { text?: string }[];
  return {
    text: first?.text ?? "",
    isError: isError === true,
    content: structuredContent as Record<string, unknown> | undefined,
  };
}
