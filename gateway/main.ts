#!/usr/bin/env -S node --max-semi-space-size=64
import { runCommandLine } from './cli/program.js'
import { processTerminal } from './cli/terminal.js'

// COMPAT(drachtio-srf 5.0): it reads a variable for each header of each message; of a plain object that costs nothing.
process.env = { ...process.env }

process.exit(await runCommandLine(process.argv.slice(2), processTerminal))
