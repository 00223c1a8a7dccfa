import { render } from "preact";
import * as z from "zod/mini";
import { App } from "./app.js";
import { listenToKeys } from "./keys.js";
import { openFile, openFirst } from "./open-trace.js";

// The page's policy forbids code made of strings, with which zod would check faster.
z.config({ jitless: true });

const root = document.getElementById("page")!;
root.replaceChildren();
render(<App />, root);
listenToKeys();

for (const name of ["dragover", "drop"] as const) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    const [file] = name === "drop" ? (event.dataTransfer?.files ?? []) : [];
    if (file !== undefined) void openFile(file);
  });
}
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
void openFirst();
