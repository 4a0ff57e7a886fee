"""Every file of the data folders, and the names that lead to them."""

import pickle
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gpuplan_models import ModelError, architecture, architectures, frameworks, methods, tokenizers
from gpuplan_models.catalogue import _architectures
from gpuplan_models.families import builders
from gpuplan_models.loading import DATA

ARCHITECTURE_FILES = sorted((DATA / "architectures").glob("*.toml"))
ALL_FILES = sorted(DATA.glob("*/*.toml"))


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ALL_FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_file_is_called_like_the_thing_in_it(path: Path) -> None:
    assert read(path)["name"] == path.stem


@pytest.mark.parametrize("path", ARCHITECTURE_FILES, ids=lambda path: path.stem)
def test_architecture_has_the_published_count_and_a_source(path: Path) -> None:
    file, found = read(path), architectures()[path.stem]
    published = file["published_parameters"]
    if published["basis"] == "paper":  # papers round
        assert found.parameters == pytest.approx(published["value"], rel=0.02)
    else:
        assert found.parameters == published["value"]
    assert found.source.startswith("https://")
    assert found.parameter_basis
    assert found.tokenizer in tokenizers()
    assert found.vocab_size in tokenizers()[found.tokenizer].vocab_sizes


def test_every_file_is_loaded() -> None:
    loaded = len(architectures()) + len(frameworks()) + len(methods()) + len(tokenizers())
    assert loaded == len(ALL_FILES)


def test_names_and_aliases_are_unique() -> None:
    texts = [text.casefold() for found in architectures().values() for text in (found.name, *found.aliases)]
    assert sorted(texts) == sorted(set(texts))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("deepseek-r1", "deepseek-r1"),
        ("r1", "deepseek-r1"),
        ("DeepSeek-R1-671B", "deepseek-r1"),
        (" deepseek-ai/DeepSeek-R1 ", "deepseek-r1"),
        ("DEEPSEEK_R1", "deepseek-r1"),
        ("deepseek-ai/deepseek-r1-distill-qwen-1.5b", "deepseek-r1-distill-qwen-1.5b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("Mixtral 8x7B", "mixtral-8x7b"),
    ],
)
def test_alias_in_any_spelling(text: str, name: str) -> None:
    assert architecture(text) is architectures()[name]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("deepseek-r1-distil-qwen-7b", "deepseek-r1-distill-qwen-7b"),
        ("qwen-7b", "deepseek-r1-distill-qwen-7b"),
        ("llama-3.1-405", "llama-3.1-405b"),
        ("mixtrl", "mixtral-8x7b"),
    ],
)
def test_mistyped_name_offers_close_matches(text: str, suggestion: str) -> None:
    with pytest.raises(ModelError) as caught:
        architecture(text)
    assert caught.value.field == "model"
    assert suggestion in caught.value.suggestions
    assert f"model is '{text}'" in str(caught.value)


@pytest.mark.parametrize("text", ["", "zzz", "x" * 5000, "a\0b", "../nowhere/config.json", "~nobody-at-all/x"])
def test_what_is_nothing_is_refused(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        architecture(text)
    assert caught.value.field == "model"
    assert len(str(caught.value)) < 500


def test_error_survives_pickling() -> None:
    with pytest.raises(ModelError) as caught:
        architecture("qwen-7b")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.suggestions) == (str(caught.value), caught.value.suggestions)


def test_everything_survives_pickling() -> None:
    everything = (architectures(), frameworks(), methods(), tokenizers())
    assert pickle.loads(pickle.dumps(everything)) == everything


def test_loaded_catalogue_cannot_be_changed_by_a_caller() -> None:
    architectures().clear()
    assert architectures()


def test_native_weights() -> None:
    not_bf16 = {
        found.name: found.native_weights for found in architectures().values() if found.native_weights != "bf16"
    }
    assert not_bf16 == {"deepseek-r1": "fp8", "deepseek-v3": "fp8", "gpt-oss-120b": "mxfp4", "gpt-oss-20b": "mxfp4"}


def test_families() -> None:
    assert list(builders()) == sorted(builders())
    assert {"bert", "deepseek_v3", "gemma2", "gemma3_text", "gpt2", "llama", "mistral", "mixtral", "phi3"} <= {
        *builders()
    }


def with_line(path: Path, old: str, new: str) -> str:
    text = path.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


LLAMA = DATA / "architectures" / "llama-3.1-8b.toml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('tokenizer = "llama-3"', 'tokeniser = "llama-3"', r"tokeni[sz]er .*in architectures/x.toml"),
        ("value = 8_030_261_248", "value = -1", "published_parameters.value is '-1' in architectures/x.toml"),
        ('as_of = "2026-11-20"', 'as_of = "last year"', "as_of is 'last year' in architectures/x.toml: .*2026-11-20"),
        ("hidden_size = 4096", "hidden_size = 0", "hidden_size is 0 in architectures/x.toml"),
        ("[config]", "[config", "x.toml is no TOML"),
    ],
)
def test_wrong_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str) -> None:
    folder = tmp_path / "architectures"
    folder.mkdir()
    (folder / "x.toml").write_text(with_line(LLAMA, old, new), encoding="utf-8")
    monkeypatch.setattr("gpuplan_models.loading.DATA", tmp_path)
    with pytest.raises(ModelError, match=message):
        _architectures.__wrapped__()


def test_name_that_is_taken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "architectures"
    folder.mkdir()
    for name in ("a.toml", "b.toml"):
        (folder / name).write_text(LLAMA.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr("gpuplan_models.loading.DATA", tmp_path)
    with pytest.raises(ModelError, match=r"name is 'llama-3.1-8b' in architectures/b.toml: it is taken already"):
        _architectures.__wrapped__()
