import type { PageSet } from "../src/eval/report/page-data.js";
import { Explorer } from "./explorer.js";
import { listen, load } from "./load.js";
import { readState } from "./state.js";

const box = document.getElementById("explorer");
const note = document.getElementById("explorer-note");
listen();

async function begin(): Promise<void> {
  if (box === null || note === null) return;
  try {
    const sets = (await load<PageSet[]>("index")).filter(({ questions }) => questions > 0);
    if (sets.length === 0) {
      note.textContent = "The run has no answers to show.";
      return;
    }
    note.remove();
    new Explorer(sets, box);
    if (Object.keys(readState(location.hash)).length > 0) box.scrollIntoView();
  } catch (error) {
    note.textContent = error instanceof Error ? error.message : String(error);
  }
}

// The first screen is drawn before the answers are asked for.
requestAnimationFrame(() => setTimeout(() => void begin()));
