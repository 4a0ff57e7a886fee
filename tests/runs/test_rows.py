"""What is read of a CSV of runs, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpuplan.errors import InputError
from gpuplan.runs import INPUT_COLUMNS, read_rows
from gpuplan.runs.rows import UnpredictableError

FORBIDDEN = {
    "source_key",
    "source",
    "source_url_or_repo_path",
    "provenance",
    "notes",
    "tokens_per_sec_per_gpu",
    "step_time_s",
    "tflops_per_gpu",
    "mfu",
    "peak_mem_gib",
    "total_time_s",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_results_and_sources_are_dropped(tmp_path: Path) -> None:
    (row,) = read_rows(written(tmp_path, "id,model,step_time_s,notes\nx,llama-3-8b,1.5,TRAP\n"))
    assert row.id == "x"
    assert row.text("model") == "llama-3-8b"
    assert set(row.cells) == set(INPUT_COLUMNS)
    assert not FORBIDDEN & set(INPUT_COLUMNS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model\nllama-3-8b\n", "no column 'id'"),
        ("id\nx\nx\n", "'x' of row 3"),
        ("id,model\n,y\n", "is empty"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_rows(written(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "nan", "inf", "many", "1e300"])
def test_a_count_that_is_none(tmp_path: Path, text: str) -> None:
    (row,) = read_rows(written(tmp_path, f"id,n_gpus\nx,{text}\n"))
    with pytest.raises(UnpredictableError, match="n_gpus is"):
        row.whole("n_gpus")
