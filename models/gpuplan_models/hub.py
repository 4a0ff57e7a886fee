"""Models of the Hugging Face hub: downloads one ``config.json``, with `huggingface_hub` (the extra "hub"), and nothing else."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from gpuplan_models.config import CONFIG_NAME, read_config
from gpuplan_models.errors import ModelError, shown
from gpuplan_models.shape import Architecture

TIMEOUT_SECONDS = 10.0
"""Longest wait for the hub, retries of its client included."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


@dataclass
class _Download:
    """What the thread that talks to the hub has come to: a path, an error, or neither yet."""

    path: Path | None = None
    error: Exception | None = None


def is_repository(text: str) -> bool:
    """Whether a text is written like a repository of the hub, ``org/name``."""
    return _REPOSITORY.fullmatch(text) is not None


def read_repository(repository: str, suggestions: tuple[str, ...] = ()) -> Architecture:
    """Read the architecture of a model on the Hugging Face hub.

    A ``config.json`` in the hub's local cache is taken as it is, without asking the hub: the revision is in `source`.
    Otherwise that one file is downloaded, within `TIMEOUT_SECONDS`. ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_TOKEN`` and
    ``HF_ENDPOINT`` mean what they mean to `huggingface_hub`.

    Parameters
    ----------
    repository
        ``org/name``.
    suggestions
        Names to offer when there is no such model.

    Returns
    -------
    Architecture
        Named after the repository, without aliases.

    Raises
    ------
    ModelError
        If `huggingface_hub` is missing, the hub cannot be reached, the repository is gated, private, not there or
        without a ``config.json``, or the config cannot be used (see `read_config`).
    """
    hub = _import_hub(repository, suggestions)
    path = _cached(hub, repository) or _downloaded(hub, repository, suggestions)
    found = read_config(path)
    revision = path.parent.name if _COMMIT.fullmatch(path.parent.name) else "main"
    nested = found.source.removeprefix(str(path))  # says so when only the language model is counted
    return replace(
        found,
        name=repository,
        parameter_basis="counted from its config.json; no published count to check against",
        source=f"Hugging Face hub, https://huggingface.co/{repository}/blob/{revision}/{CONFIG_NAME}{nested}",
    )


def _import_hub(repository: str, suggestions: tuple[str, ...]) -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        out = "reading it from the Hugging Face hub needs a package; install it with pip install 'gpuplan[hub]'"
        raise _error(repository, f"{out}, or give the path of its {CONFIG_NAME}", suggestions) from error
    module: ModuleType = huggingface_hub
    return module


def _cached(hub: ModuleType, repository: str) -> Path | None:
    """Path of the config in the hub's cache, None where it is not there."""
    try:
        found = hub.try_to_load_from_cache(repository, CONFIG_NAME)
    except (OSError, ValueError):  # a cache that cannot be read, a name that the hub would not allow
        return None
    return Path(found) if isinstance(found, str) else None


def _downloaded(hub: ModuleType, repository: str, suggestions: tuple[str, ...]) -> Path:
    """Path of the config after its download; the client's own retries may take minutes, so a clock runs beside them."""
    done = _Download()

    def download() -> None:
        try:
            # Asks once and fails at once where there is no network; hf_hub_download would try again and again.
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, CONFIG_NAME), timeout=TIMEOUT_SECONDS)
            done.path = Path(hub.hf_hub_download(repository, CONFIG_NAME, etag_timeout=TIMEOUT_SECONDS))
        except Exception as error:  # noqa: BLE001  handed over and raised below; the client's own errors have no common base
            done.error = error

    with _quiet(hub):
        thread = threading.Thread(target=download, daemon=True, name="config.json")
        thread.start()
        thread.join(TIMEOUT_SECONDS)
    if done.error is not None:
        raise _explained(hub, repository, done.error, suggestions) from done.error
    if done.path is None:
        problem = f"the Hugging Face hub did not answer within {TIMEOUT_SECONDS:g} seconds"
        raise _error(repository, f"{problem}; try again, or give the path of its {CONFIG_NAME}", suggestions)
    return done.path


@contextmanager
def _quiet(hub: ModuleType) -> Iterator[None]:
    """Keep the client's progress bars and warnings off the terminal: a plan's answer is all that is printed."""
    log, bars = logging.getLogger("huggingface_hub"), not hub.utils.are_progress_bars_disabled()
    level = log.level
    log.setLevel(logging.CRITICAL)
    if bars:
        hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        log.setLevel(level)
        if bars:
            hub.utils.enable_progress_bars()


def _explained(hub: ModuleType, repository: str, error: Exception, suggestions: tuple[str, ...]) -> ModelError:
    """Say what an error of the client means and what to do; the order matters, as some are kinds of others."""
    kinds = hub.errors
    page = f"https://huggingface.co/{repository}"
    if isinstance(error, kinds.GatedRepoError):
        login = "log in with `hf auth login` or set HF_TOKEN"
        return _error(repository, f"it is gated on the Hugging Face hub; accept its terms at {page} and {login}")
    if isinstance(error, kinds.RepositoryNotFoundError):
        problem = "there is no such repository on the Hugging Face hub, or it is private and needs HF_TOKEN"
        return _error(repository, problem, suggestions)
    if isinstance(error, kinds.EntryNotFoundError) and not isinstance(error, kinds.LocalEntryNotFoundError):
        problem = f"{page} has no {CONFIG_NAME}; an adapter or GGUF repository names its base model, which has one"
        return _error(repository, problem, suggestions)
    return _error(repository, _unreachable(error), suggestions)


def _unreachable(error: Exception) -> str:
    """Why the hub was not asked or did not answer, and the way out."""
    switch = next((name for name in _OFFLINE_SWITCHES if os.environ.get(name)), None)
    out = f"download its {CONFIG_NAME} elsewhere and give the path"
    if switch is not None:
        return f"{switch} is set and its {CONFIG_NAME} is not in the cache; unset {switch}, or {out}"
    cause = error.__cause__ or error
    reason = f"{type(cause).__name__}: {shown(cause)}"
    return f"the Hugging Face hub could not be reached ({reason}); check the network, or {out}"


def _error(repository: str, problem: str, suggestions: tuple[str, ...] = ()) -> ModelError:
    text = shown(repository)
    message = f"model is {text!r}, which is not in the catalogue, and {problem}."
    return ModelError("model", text, message, suggestions)
