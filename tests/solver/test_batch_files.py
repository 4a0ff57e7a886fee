"""Files of jobs: every format says the same, a bad row is one row, and a bad file is one clear error."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.batching import read
from gpuplan.batching.grid import trainable
from gpuplan.batching.read import read_rows
from gpuplan.batching.rows import Row
from gpuplan.errors import InputError
from gpuplan.job import JobSpec, make_spec
from gpuplan_models import architectures

JOB = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB"}


def said(rows: Sequence[Row]) -> list[tuple[int, str, dict[str, Any]]]:
    assert [row.problem for row in rows] == [None] * len(rows)
    return [(row.number, row.given_name, dict(row.words)) for row in rows]


def as_csv(jobs: Sequence[Mapping[str, str]]) -> str:
    names = sorted({name for job in jobs for name in job})
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names)
    writer.writeheader()
    writer.writerows(jobs)
    return buffer.getvalue()


def as_json_lines(jobs: Sequence[Mapping[str, str]]) -> str:
    return "".join(f"{json.dumps(job)}\n" for job in jobs)


WRITERS: dict[str, Callable[[Sequence[Mapping[str, str]]], str]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "yaml": lambda jobs: str(yaml.safe_dump([dict(job) for job in jobs])),
}
#: Words as they may stand in a file: commas, quotes and what YAML would like to read otherwise among them.
VALUE = st.text(st.sampled_from("aB1.,:\"'- #é"), min_size=1, max_size=12).filter(lambda text: text == text.strip())
FIELDS = st.sampled_from(["model", "method", "data", "deadline", "global_batch", "max_gpus", "name"])


def by_itself(job: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in job.items() if name != "name"}


@given(st.lists(st.dictionaries(FIELDS, VALUE, min_size=1).filter(by_itself), min_size=1, max_size=5))
def test_every_format_says_the_same(tmp_path_factory: pytest.TempPathFactory, jobs: list[dict[str, str]]) -> None:
    expected = [(number, job.get("name", ""), by_itself(job)) for number, job in enumerate(jobs, start=1)]
    assert said(read_rows(jobs)) == expected
    for ending, write in WRITERS.items():
        path = tmp_path_factory.mktemp("jobs") / f"jobs.{ending}"
        path.write_text(write(jobs), encoding="utf-8")
        assert said(read_rows(path)) == expected


@given(st.sampled_from(sorted(WRITERS)), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_content_is_rows_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, ending: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("jobs") / f"jobs.{ending}"
    path.write_bytes(content)
    try:
        rows = read_rows(path)
    except InputError as error:
        assert error.field
        return
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert len({row.key for row in rows}) == len(rows)


def test_words_stay_words_and_dashes_are_underscores(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yml"
    path.write_text(
        "- {model: m, global-batch: 8:32, Max_GPUs: 16, deadline: 2026-01-01, budget: null, gpu: [H100, A100]}"
    )
    (row,) = read_rows(path)
    words = {"model": "m", "global_batch": "8:32", "max_gpus": "16", "deadline": "2026-01-01", "gpu": ["H100", "A100"]}
    assert dict(row.words) == words
    path = tmp_path / "jobs.csv"
    path.write_bytes("\ufeffmodel,--max-gpus,name\r\nm,,\r\n\r\n,,\r\n n ,8,an é\r\n".encode())
    expected = [(1, "", {"model": "m"}), (2, "an é", {"model": "n", "max_gpus": "8"})]
    assert said(read_rows(str(path))) == expected


def test_a_grid_is_the_product_with_the_last_field_fastest(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text(
        """
defaults: {method: lora, tokens: 1M, pricing: spot}
grid:
  model: [a, b]
  data: [1GB, 2GB]
  deadline: [null, 24h]
jobs:
  - {name: own, model: c, method: full}
"""
    )
    grid = [
        {"model": model, "data": data, "method": "lora", "pricing": "spot"} | deadline
        for model in ("a", "b")
        for data in ("1GB", "2GB")  # a field in place of another takes the default's place
        for deadline in ({}, {"deadline": "24h"})
    ]
    own = {"model": "c", "method": "full", "tokens": "1M", "pricing": "spot"}
    rows = said(read_rows(path))
    assert [words for _, _, words in rows] == [*grid, own]
    assert [(number, name) for number, name, _ in rows][-1] == (9, "own")
    content = yaml.safe_load(path.read_text())
    assert said(read_rows(content)) == rows


def test_the_catalogue_is_every_model_that_can_be_trained() -> None:
    models = trainable()
    assert set(models) <= set(architectures())
    assert {"deepseek-r1", "llama-3.1-8b", "mixtral-8x7b"} <= set(models)
    rows = read_rows({"grid": {"model": "catalogue", "data": ["1GB", "1TB"]}})
    assert [row.words["model"] for row in rows] == [model for model in models for _ in range(2)]
    assert len(read_rows({"grid": {"model": ["catalogue", "my/config.json"]}})) == len(models) + 1


def test_jobs_in_memory(tmp_path: Path) -> None:
    jobs: list[Any] = [make_spec({**JOB, "gpu": "H100,A100"}), {**JOB, "data": tmp_path, "name": 7}]
    first, second = read_rows(jobs)
    assert JobSpec.model_validate(dict(first.words)) == jobs[0]
    assert (second.name, second.words["data"]) == ("7", str(tmp_path))
    assert first.name == "deepseek-r1-distill-qwen-7b, lora, 1GB"


@pytest.mark.parametrize(
    ("job", "field", "words"),
    [
        (["model"], "job", "is no job"),
        ("model", "job", "is no job"),
        ({**JOB, "budget": float("nan")}, "budget", "cannot use nan"),
        ({**JOB, "gpu": {"H100": 1}}, "gpu", "give a text, a number or a list"),
        ({"max-gpus": 1, "max_gpus": 2}, "max_gpus", "stands twice"),
    ],
)
def test_a_bad_job_in_memory_is_a_bad_row(job: Any, field: str, words: str) -> None:
    rows = read_rows([JOB, job, JOB])
    assert [row.problem is None for row in rows] == [True, False, True]
    problem = rows[1].problem
    assert problem is not None
    assert problem.field == field
    assert words in problem.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"model": "a"', "is no JSON"),
        ("model: a", "is no JSON"),
        ('["model"]', "is no job"),
        ('{"model": "a", "model": "b"}', "stands twice"),
        ('{"budget": NaN}', "NaN is no number"),
        ("[" * 20_000, "is nested too deeply"),
    ],
)
def test_a_bad_line_is_a_bad_row(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text(f"\n{json.dumps(JOB)}\n{line}\n\n{json.dumps(JOB)}\n")
    rows = read_rows(path)
    assert [(row.number, row.problem is None) for row in rows] == [(1, True), (2, False), (3, True)]
    assert words in str(rows[1].problem)


def test_a_row_of_another_length_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("model,data\na,1GB\nb\nc,1,000,000\nd,2GB\n")
    rows = read_rows(path)
    assert [row.problem is None for row in rows] == [True, False, False, True]
    assert "has 1 cells, and there are 2 columns" in str(rows[1].problem)
    assert "quote what holds a comma" in str(rows[2].problem)


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"model,data\n", "there is no job"),
    "unknown.csv": (b"model,dedline\na,1h\n", "'dedline' in the first line"),
    "twice.csv": (b"max-gpus,max_gpus\n1,2\n", "is there twice"),
    "semicolons.csv": (b"model;data\na;1GB\n", "put commas between the columns"),
    "tabs.csv": (b"model\tdata\na\t1GB\n", "put commas between the columns"),
    "open.csv": (b'model,data\n"a,1GB\n', "quotes must be closed"),
    "binary.csv": (b"model,data\n\0\1\2,1GB\n", "is no text"),
    "latin.csv": ("model,data\né,1GB\n".encode("latin-1"), "is not UTF-8"),
    "long.csv": (b"model,data\n" + b"x" * 1_000_001, "line 2 of"),
    "empty.jsonl": (b"\n\n", "there is no job"),
    "binary.jsonl": (b"\x89PNG\r\n\x1a\n\0\0", "is not UTF-8"),
    "prose.jsonl": (b"these are\nno jobs\n", "no row of"),
    "long.jsonl": (b"x" * 1_000_001, "longer than 1 MB"),
    "empty.yaml": (b"", "there are no jobs"),
    "none.yaml": (b"[]", "there is no job"),
    "text.yaml": (b"jobs", "there are no jobs"),
    "one.yaml": (b"model: a\ndata: 1GB\n", "write a list ('- model: ...')"),
    "part.yaml": (b"gird: {data: [1GB]}", "'gird' is not one of"),
    "neither.yaml": (b"defaults: {data: 1GB}", "neither 'grid:' nor 'jobs:'"),
    "jobs.yaml": (b"jobs: a", "'jobs:' must be a list"),
    "mapping.yaml": (b"jobs: {model: a}", "'jobs:' must be a list"),
    "values.yaml": (b"grid: {data: []}", "'data' has no values"),
    "list.yaml": (b"grid: [1GB]", "'grid:' must have a list of values for each field"),
    "field.yaml": (b"grid: {dat: [1GB]}", "grid: 'dat' is no field"),
    "name.yaml": (b"grid: {name: [a]}", "would have one name"),
    "dashes.yaml": (b"grid: {max-gpus: [1], max_gpus: [2]}", "grid: 'max_gpus' stands twice"),
    "defaults.yaml": (b"defaults: {dat: 1GB}\njobs: [{model: a}]", "defaults: 'dat' is no field"),
    "word.yaml": (b"defaults: lora\njobs: [{model: a}]", "defaults: "),
    "broken.yaml": (b"grid: [", "is not YAML"),
    "jobs.txt": (b"model,data\n", "must end in .yaml, .csv or .jsonl"),
    "jobs.json": (b"[]", "Did you mean jobs.jsonl?"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, name: str) -> None:
    content, words = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_rows(tmp_path / name)
    assert words in str(raised.value)
    assert raised.value.field == "jobs"


def test_close_matches_of_a_column() -> None:
    with pytest.raises(InputError) as raised:
        read_rows({"grid": {"dedline": ["1h"]}})
    assert raised.value.suggestions[0] == "deadline"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "yaml"])
def test_no_such_file_and_a_folder(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_rows(tmp_path / f"jobs.{ending}")
    (tmp_path / f"folder.{ending}").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_rows(tmp_path / f"folder.{ending}")


@pytest.mark.parametrize("jobs", [None, 7, []])
def test_what_is_no_jobs(jobs: Any) -> None:
    with pytest.raises(InputError) as raised:
        read_rows(jobs)
    assert raised.value.field == "jobs"


def test_too_many_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MOST_ROWS", 3)
    assert len(read_rows([JOB] * 3)) == 3
    with pytest.raises(InputError, match="more than 3 jobs"):
        read_rows({"grid": {"seed": list(range(10**6)), "trials": list(range(10**6))}})


def test_keys_tell_rows_apart() -> None:
    jobs: list[Any] = [JOB, JOB, {**JOB, "name": "a"}, "bad", ["bad"]]
    rows, again = read_rows(jobs), read_rows(jobs)
    assert len({row.key for row in rows}) == 5
    assert [row.key for row in rows] == [row.key for row in again]
    other = read_rows([{**JOB, "data": "2GB"}])
    assert other[0].key != rows[0].key
    assert read_rows([dict(reversed(JOB.items()))])[0].key == rows[0].key
