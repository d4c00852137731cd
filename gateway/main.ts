#!/usr/bin/env node
import { runCommandLine } from './cli/program.js'
import { processTerminal } from './cli/terminal.js'

process.exit(await runCommandLine(process.argv.slice(2), processTerminal))
