#!/usr/bin/env -S node --max-semi-space-size=64 --v8-pool-size=1
import { runCommandLine } from './cli/program.js'
import { processTerminal } from './cli/terminal.js'

// Above: a large nursery, because what a message needs dies young; and one helper for V8, because where the main thread and that of
// the SIP server are busy, more of them only get in each other's way.

// COMPAT(drachtio-srf 5.0): it reads a variable for each header of each message; of a plain object that costs nothing.
process.env = { ...process.env }

process.exit(await runCommandLine(process.argv.slice(2), processTerminal))
