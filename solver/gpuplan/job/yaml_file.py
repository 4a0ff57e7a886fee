"""Files of jobs: YAML, read so that every value stays the word that the user wrote."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gpuplan.errors import InputError
from gpuplan.job.data_size import ONLY_WITH_DATA
from gpuplan.job.spec import JobSpec, make_spec

MAX_FILE_BYTES = 1_000_000
REPLACED = {
    "data": ("tokens", "samples"),
    "tokens": ("data", "samples", *ONLY_WITH_DATA),
    "samples": ("data", "tokens", *ONLY_WITH_DATA),
    "bytes_per_token": ("language", "tokenizer"),
    "language": ("bytes_per_token",),
    "tokenizer": ("bytes_per_token",),
    "offers": ("price",),
    "price": ("offers",),
}
"""Fields of a job file that a flag stands in place of: alternatives, and what has a meaning with those alone."""
NULL = "tag:yaml.org,2002:null"


def _only_null() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Of PyYAML's rules for plain values, by first character, the one for null."""
    rules = yaml.SafeLoader.yaml_implicit_resolvers
    return {first: [rule for rule in those if rule[0] == NULL] for first, those in rules.items()}


class _Words(yaml.SafeLoader):
    """YAML without guesses: only null is special, every other plain value is text, and a key may stand once.

    YAML 1.1 reads ``8:32`` as the base-60 number 512, ``no`` as false and ``2026-01-01`` as a date; a global batch of
    ``8:32`` must stay a range.
    """

    yaml_implicit_resolvers = _only_null()
    file = "job"
    """What the file is called in a message."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping, refusing a key that stands twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                line = key.start_mark.line + 1
                message = f"stands twice in the {self.file} file (again in line {line}); keep one"
                raise InputError(str(key.value), key.value, message)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def load_spec(path: str | Path, overrides: Mapping[str, Any] | None = None) -> JobSpec:
    """Read a job file; the overrides (flags) win over the file, as `merged` has it.

    Raises
    ------
    InputError
        No such file, a folder, too large, not YAML, not a mapping, a field that stands twice, an unknown field, a wrong
        shape.
    """
    content = read_words(path)
    if not isinstance(content, dict):
        raise InputError(
            "job", path, f"{str(path)!r} holds no fields; write one per line, such as 'model: mixtral-8x7b'"
        )
    return make_spec(merged(content, overrides or {}))


def merged(words: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a job, of which the second ones win over the first; what is None counts as not given.

    A flag also takes out what it stands in place of: ``--tokens`` the file's ``data``, ``--price`` its ``offers`` (see `REPLACED`).
    Alternatives that both are flags, or both in the file, still contradict each other.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    replaced = {name for flag in given for name in REPLACED.get(flag, ())}
    return {key: value for key, value in words.items() if value is not None and key not in replaced} | given


def read_words(path: str | Path, field: str = "job", holds: str = "the fields of one job") -> object:
    """Content of a YAML file with every plain value as the text that stands there.

    Parameters
    ----------
    path
        The file.
    field
        What it is called in an error.
    holds
        What should be in it, for an error.

    Raises
    ------
    InputError
        No such file, a folder, too large, not YAML, or a key that stands twice.
    """
    return _parse(path, _read(Path(path), field, holds), field, holds)


def _read(path: Path, field: str, holds: str) -> bytes:
    """Content of the file, not more than such a file can sensibly have."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise InputError(field, path, f"there is no file {str(path)!r}") from None
    except IsADirectoryError:
        raise InputError(field, path, f"{str(path)!r} is a folder; give a YAML file with {holds}") from None
    except (OSError, ValueError) as error:
        raise InputError(field, path, f"cannot read {str(path)!r}: {_reason(error)}") from None
    if len(content) > MAX_FILE_BYTES:
        raise InputError(field, path, f"{str(path)!r} is larger than 1 MB; a {field} file is text with {holds}")
    return content


def _parse(path: str | Path, content: bytes, field: str, holds: str) -> object:
    """Parse YAML into plain Python values."""
    loader = type("_WordsOf", (_Words,), {"file": field})
    try:
        return yaml.load(content, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}" if mark else ""
        raise InputError(field, path, f"{str(path)!r} is not YAML{place}: {error.problem or error.context}") from None
    except RecursionError:
        raise InputError(
            field, path, f"{str(path)!r} is nested too deeply; a {field} file is text with {holds}"
        ) from None
    except InputError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(field, path, f"{str(path)!r} is not YAML: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """First line of what the system or the parser says."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.splitlines()[0] if text else type(error).__name__
