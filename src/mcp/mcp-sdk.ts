import { importFailure } from "../errors.js";

/** The package of the protocol, as it is installed beside this one. */
const PACKAGE = {
  name: "@modelcontextprotocol/server",
  version: "2.4.0",
  use: "groundsight mcp",
} as const;

/** The parts of the MCP SDK that are used. */
export type McpSdk = Pick<typeof import("@modelcontextprotocol/server"), "McpServer"> &
  typeof import("@modelcontextprotocol/server/stdio");

/** @throws UnsupportedCapabilityError where it is not installed, with the command that installs it */
export async function mcpSdk(): Promise<McpSdk> {
  try {
    const [{ McpServer }, stdio] = await Promise.all([
      import("@modelcontextprotocol/server"),
      import("@modelcontextprotocol/server/stdio"),
    ]);
    return { ...stdio, McpServer };
  } catch (cause) {
    throw importFailure(PACKAGE, cause);
  }
}
