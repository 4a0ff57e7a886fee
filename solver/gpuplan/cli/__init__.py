"""The command line: parses, calls, prints, sets the exit code. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from gpuplan.cli.app import cli, main

__all__ = ["cli", "main"]
