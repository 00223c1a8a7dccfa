import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, isIPv4 } from "node:net";

/** Whether a host's name or address, as URLs have it, is that of this machine for itself. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  const isName = name === "localhost" || name.endsWith(".localhost");
  return isName || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

/** Has a server listen. @throws Error with the system's `code`, saying what to do */
export async function listening(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code = "", syscall } = error as NodeJS.ErrnoException;
    const why = REASONS[code];
    if (why === undefined) throw error;
    const message = `cannot listen at ${host}, port ${port}: ${why}`;
    throw Object.assign(new Error(message, { cause: error }), { code, syscall });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "another program listens there; end it, or choose another port (0 takes any free one)",
  EACCES: "the system does not allow it; ports from 1024 on are for everybody",
  EADDRNOTAVAIL: "this machine has no such address; 0.0.0.0 stands for all that it has",
  ENOTFOUND: "no address is known for this name",
};

/** Where a listening server is reached. */
export function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
