const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What the first signal does. Where no work minds being broken off, the program ends. */
let onStop: (name: NodeJS.Signals) => void = endProgram;

/**
 * From now on the first Ctrl-C, termination or closed terminal ends the program with a sentence and status 1, at once
 * or, during work that is to be {@link untilStopped}, as soon as that has stopped. A second one ends it at once.
 */
export function endWhenStopped(): void {
  listen();
}

/** Runs long work that the first signal asks to stop; the program goes on when it has. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const before = onStop;
  onStop = () => stop.abort();
  const isFirst = !process.listeners("SIGINT").includes(onSignal);
  if (isFirst) listen();
  try {
    return await work(stop.signal);
  } finally {
    onStop = before;
    if (isFirst) ignore();
  }
}

function onSignal(name: NodeJS.Signals): void {
  // The system's own way, which ends a program at once, is left to a second signal of any kind.
  ignore();
  onStop(name);
}

function listen(): void {
  for (const name of SIGNALS) process.on(name, onSignal);
}

function ignore(): void {
  for (const name of SIGNALS) process.off(name, onSignal);
}

/** Status 1 is that of an AbortedError. Errors are not imported: this module is there before all others. */
function endProgram(name: NodeJS.Signals): never {
  const lineEnd = process.stderr.isTTY === true ? "\n" : "";
  process.stderr.write(`${lineEnd}groundsight: stopped by ${name} before the work was done\n`);
  process.exit(1);
}
