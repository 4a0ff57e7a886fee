"""Models of the Hugging Face hub: a client that is not real, and the real one without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gpuplan_models import ModelError, architecture, hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 2048,
    "vocab_size": 1000,
}


class RepositoryNotFoundError(Exception):
    pass


class GatedRepoError(RepositoryNotFoundError):
    pass


class EntryNotFoundError(Exception):
    pass


class LocalEntryNotFoundError(EntryNotFoundError, FileNotFoundError):
    pass


class Client:
    """As much of `huggingface_hub` as is used: a cache, a server, and what was asked of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache: dict[str, Path] = {}
        self.answer: Callable[[str], dict[str, object]] = lambda repository: dict(CONFIG)
        self.asked: list[str] = []
        self.bars_disabled = False

    def file_of(self, repository: str, config: dict[str, object]) -> Path:
        path = self.folder / repository.replace("/", "--") / "snapshots" / COMMIT / "config.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def try_to_load_from_cache(self, repository: str, name: str) -> str | None:
        found = self.cache.get(repository)
        return None if found is None else str(found)

    def get_hf_file_metadata(self, url: str, timeout: float) -> None:
        self.asked.append(url)
        self.answer(url)

    def hf_hub_download(self, repository: str, name: str, etag_timeout: float) -> str:
        assert self.bars_disabled
        assert name == "config.json"
        return str(self.file_of(repository, self.answer(repository)))


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client in the place of `huggingface_hub`, in an empty folder and with no switch set."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    found = Client(tmp_path)
    package, errors, utils = (ModuleType(f"huggingface_hub{end}") for end in ("", ".errors", ".utils"))
    kinds = (RepositoryNotFoundError, GatedRepoError, EntryNotFoundError, LocalEntryNotFoundError)
    vars(errors).update({kind.__name__: kind for kind in kinds})
    vars(utils).update(
        are_progress_bars_disabled=lambda: found.bars_disabled,
        disable_progress_bars=lambda: setattr(found, "bars_disabled", True),
        enable_progress_bars=lambda: setattr(found, "bars_disabled", False),
    )
    vars(package).update(
        errors=errors,
        utils=utils,
        hf_hub_url=lambda repository, name: f"https://huggingface.co/{repository}/resolve/main/{name}",
        hf_hub_download=found.hf_hub_download,
        get_hf_file_metadata=found.get_hf_file_metadata,
        try_to_load_from_cache=found.try_to_load_from_cache,
    )
    for module in (package, errors, utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return found


def failing(error: Exception) -> Callable[[str], dict[str, object]]:
    def answer(repository: str) -> dict[str, object]:
        raise error

    return answer


def refused(text: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        architecture(text)
    assert caught.value.field == "model"
    assert f"model is '{text}', which is not in the catalogue, and " in str(caught.value)
    return caught.value


def test_a_config_is_downloaded(client: Client) -> None:
    found = architecture("my-org/My_Model-1.0")
    # Two layers of q and o (64 x 64), k and v (64 x 32), three MLP matrices (64 x 128) and two norms of 64; embedding and
    # head of 1,000 x 64; the final norm of 64.
    layer = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64
    assert found.parameters == 2 * layer + 2 * 1000 * 64 + 64
    assert found.name == "my-org/My_Model-1.0"
    assert found.source == f"Hugging Face hub, https://huggingface.co/my-org/My_Model-1.0/blob/{COMMIT}/config.json"
    assert "no published count" in found.parameter_basis
    assert client.asked == ["https://huggingface.co/my-org/My_Model-1.0/resolve/main/config.json"]
    assert not client.bars_disabled  # as it was before


def test_the_cache_is_taken_without_asking(client: Client) -> None:
    client.cache["my-org/model"] = client.file_of("my-org/model", CONFIG)
    client.answer = failing(ConnectionError("no network"))
    assert architecture("my-org/model").layer_count == 2
    assert client.asked == []


def test_a_revision_that_the_path_does_not_tell(client: Client, tmp_path: Path) -> None:
    client.cache["my-org/model"] = tmp_path / "config.json"
    client.cache["my-org/model"].write_text(json.dumps(CONFIG), encoding="utf-8")
    assert architecture("my-org/model").source.endswith("/blob/main/config.json")


def test_the_language_model_of_a_multimodal_config_is_said(client: Client) -> None:
    client.answer = lambda repository: {"model_type": "seeing", "text_config": CONFIG}
    assert architecture("my-org/model").source.endswith("(its text_config: only the language model is counted)")


def test_the_catalogue_and_a_path_win_over_the_hub(client: Client, tmp_path: Path) -> None:
    assert architecture("meta-llama/Llama-3.1-8B").name == "llama-3.1-8b"
    folder = tmp_path / "my-org" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    assert architecture("my-org/model").name == "model"
    assert client.asked == []


def test_a_config_that_cannot_be_used_is_refused_as_any_other(client: Client) -> None:
    client.answer = lambda repository: {"model_type": "llamma"}
    with pytest.raises(ModelError, match="model_type") as caught:
        architecture("my-org/model")
    assert "llama" in caught.value.suggestions


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (GatedRepoError("403"), ("gated", "https://huggingface.co/my-org/llama-3.1-8b-x", "HF_TOKEN")),
        (RepositoryNotFoundError("404"), ("no such repository", "private")),
        (EntryNotFoundError("404"), ("has no config.json", "base model")),
        (LocalEntryNotFoundError("no connection"), ("could not be reached", "give the path")),
        (
            ConnectionError("[Errno -2] Name or service\nnot known"),
            ("could not be reached (ConnectionError: [Errno -2]",),
        ),
        (OSError(28, "No space left on device"), ("No space left on device",)),
        (RuntimeError(""), ("could not be reached (RuntimeError: )",)),
    ],
)
def test_what_the_hub_says_is_one_clear_line(client: Client, error: Exception, words: tuple[str, ...]) -> None:
    client.answer = failing(error)
    found = refused("my-org/llama-3.1-8b-x")
    assert all(word in found.message for word in words)
    assert "\n" not in found.message
    if not isinstance(error, GatedRepoError):  # then the name is right
        assert "llama-3.1-8b" in found.suggestions


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_by_wish(client: Client, monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    monkeypatch.setenv(switch, "1")
    client.answer = failing(ConnectionError("offline mode is enabled"))
    assert f"unset {switch}" in refused("my-org/model").message


def test_without_the_extra(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    found = refused("my-org/llama-3.1-8b-x")
    assert "pip install 'gpuplan[hub]'" in found.message
    assert "llama-3.1-8b" in found.suggestions


def test_a_hub_that_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    over, answered = threading.Event(), threading.Event()

    def wait(repository: str) -> dict[str, object]:
        over.wait(30)
        answered.set()
        return dict(CONFIG)

    client.answer = wait
    monkeypatch.setattr(hub, "TIMEOUT_SECONDS", 0.05)
    assert "did not answer within 0.05 seconds" in refused("my-org/model").message
    assert not answered.is_set(), "it was not waited for"
    over.set()


@pytest.mark.parametrize("text", ["no-slash", "a/b/c", "/a/b", "a/", "-a/b", "a/b c", "", "a/é", "org/name@main"])
def test_what_is_not_written_like_a_repository(client: Client, text: str) -> None:
    assert not hub.is_repository(text)
    with pytest.raises(ModelError):
        architecture(text)
    assert client.asked == []


def test_the_real_client_offline(tmp_path: Path) -> None:
    """A cached config is read and anything else refused, by the client that is installed, and fast."""
    pytest.importorskip("huggingface_hub")
    repository = tmp_path / "hub" / "models--my-org--model"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    code = """
from gpuplan_models import ModelError, architecture
print(architecture("my-org/model").source)
try:
    architecture("my-org/other")
except ModelError as error:
    print(error)
"""
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code]
    found = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
    first, second = found.stdout.splitlines()
    assert first.endswith(f"https://huggingface.co/my-org/model/blob/{COMMIT}/config.json")
    assert "HF_HUB_OFFLINE is set and its config.json is not in the cache" in second
