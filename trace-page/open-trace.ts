import { checkTrace } from "./check-trace.js";
import { problem, show } from "./state.js";

/** Largest trace file, in bytes. */
const LARGEST = 128 * 2 ** 20;

/** Shows a trace, or tells what is wrong with it. What was shown before stays. */
function open(name: string, text: string): void {
  const checked = checkTrace(text);
  if ("problem" in checked) problem.value = `${name} cannot be shown: ${checked.problem}.`;
  else show(checked.trace);
}

/** Opens a file that was dropped or chosen. */
export async function openFile(file: File): Promise<void> {
  if (file.size > LARGEST) {
    const size = Math.ceil(file.size / 2 ** 20);
    problem.value = `${file.name} cannot be shown: it has ${size} MiB, and at most ${LARGEST / 2 ** 20} are read.`;
    return;
  }
  try {
    open(file.name, await file.text());
  } catch {
    problem.value = `${file.name} cannot be read. Was it moved, or is it a folder?`;
  }
}

/** Opens the trace within this page, or the one that its address names (`?trace=url`). */
export async function openFirst(): Promise<void> {
  const embedded = document.getElementById("trace")?.textContent;
  if (embedded !== null && embedded !== undefined) return open("The trace in this page", embedded);
  const address = new URLSearchParams(location.search).get("trace");
  if (address !== null) await openAddress(address);
}

async function openAddress(address: string): Promise<void> {
  try {
    const { href, protocol } = new URL(address, location.href);
    if (protocol !== "https:" && protocol !== "http:")
      throw new Error("only http and https can be fetched. Drop the file here instead");
    const response = await fetch(href, { credentials: "omit", referrerPolicy: "no-referrer" });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    open(address, await textOf(response));
  } catch (error) {
    // What fetch throws tells no more than that it failed.
    const why =
      error instanceof TypeError
        ? "it is no address, or its server cannot be reached or does not let other pages read it (CORS)"
        : (error as Error).message;
    problem.value = `${address} cannot be opened: ${why}.`;
  }
}

/** The text of a response, read only as far as it may be long. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > LARGEST) {
      await reader.cancel();
      throw new Error(`it has more than ${LARGEST / 2 ** 20} MiB`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
