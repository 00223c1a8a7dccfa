#!/usr/bin/env node
import { endWhenStopped } from "./stop-signal.js";

// Loading the rest takes a while, in which a signal is to end the program as it does later.
endWhenStopped();
const { runProgram } = await import("./program.js");
await runProgram();
