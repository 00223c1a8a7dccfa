import { execFileSync } from "node:child_process";

/** Runs a command as process 1 of a namespace of its own, as containers do; dies with its starter. */
export const UNSHARE: readonly string[] = [
  "unshare",
  "--user",
  "--map-root-user",
  "--pid",
  "--fork",
  "--mount-proc",
  "--kill-child",
];

/** Some systems have no process namespaces, or forbid them: this is said aloud. */
export function hasNamespaces(): boolean {
  const [program = "", ...rest] = UNSHARE;
  try {
    execFileSync(program, [...rest, "true"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("NOT TESTED: runs in process namespaces (unshare is not there, or not allowed)");
    return false;
  }
}
