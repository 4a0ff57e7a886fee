"""Runs described row by row (published ones, or one's own): read, completed, predicted."""

from gpuplan.runs.answers import Answer, as_csv, predict_rows
from gpuplan.runs.rows import INPUT_COLUMNS, RunRow, read_rows

__all__ = ["INPUT_COLUMNS", "Answer", "RunRow", "as_csv", "predict_rows", "read_rows"]
