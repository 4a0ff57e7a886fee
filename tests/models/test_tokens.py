"""Bytes per token: the families, and counting with a real tokenizer."""

import json
import sys
from pathlib import Path

import pytest

from gpuplan_models import ModelError, count_tokens, tokenizers
from gpuplan_models.counting import SAMPLE_BYTES
from gpuplan_models.tokens import family_of_vocabulary

LANGUAGES = {"en", "zh", "code", "mixed"}


def test_rates_are_ordered_and_sourced() -> None:
    for family in tokenizers().values():
        assert set(family.languages) == LANGUAGES
        for language in (None, *family.languages):
            rate = family.rate(language)
            assert 1 < rate.low <= rate.central <= rate.high < 8
            assert rate.source
            assert rate.basis in ("datasheet", "measured", "assumed")


def test_default_is_four_bytes_for_every_family() -> None:
    assert {family.rate().central for family in tokenizers().values()} == {4.0}


def test_mixed_is_between_the_languages() -> None:
    # 40 % English, 40 % Chinese and 20 % code by bytes: tokens add up, so the rates mix harmonically.
    for family in tokenizers().values():
        tokens = sum(share / family.rate(name).central for name, share in (("en", 0.4), ("zh", 0.4), ("code", 0.2)))
        assert family.rate("mixed").central == pytest.approx(1 / tokens, abs=0.06)


def test_small_vocabulary_needs_more_tokens_for_chinese() -> None:
    assert tokenizers()["llama-2"].rate("zh").high < tokenizers()["llama-3"].rate("zh").low


def test_language_in_any_case() -> None:
    family = tokenizers()["qwen2"]
    assert family.rate("ZH") is family.rate("zh")


def test_unknown_language_is_refused() -> None:
    with pytest.raises(ModelError, match=r"language is 'coed'.*use en, zh, code, mixed") as caught:
        tokenizers()["qwen2"].rate("coed")
    assert (caught.value.field, caught.value.suggestions) == ("language", ("code",))


@pytest.mark.parametrize(
    ("vocab_size", "family"),
    [
        (152064, "qwen2"),
        (151936, "qwen2"),
        (128256, "llama-3"),
        (129280, "deepseek-v3"),
        (32000, "llama-2"),
        (7, "unknown"),
    ],
)
def test_family_of_a_vocabulary(vocab_size: int, family: str) -> None:
    assert family_of_vocabulary(vocab_size) == family


@pytest.fixture
def tokenizer_json(tmp_path: Path) -> Path:
    """A tokenizer with one token a word."""
    pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    model = {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"}
    path.write_text(json.dumps({"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": model}))
    return path


def test_small_file_is_counted_whole(tmp_path: Path, tokenizer_json: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one two three four ", encoding="utf-8")
    sample = count_tokens(path, tokenizer_json)
    assert (sample.sample_bytes, sample.sample_tokens, sample.data_bytes) == (19, 4, 19)
    assert sample.bytes_per_token == 19 / 4
    assert sample.tokens == pytest.approx(4)


def test_large_file_is_sampled_evenly(tmp_path: Path, tokenizer_json: Path) -> None:
    # Words of 4 bytes and a space in the first half, of 9 bytes and a space in the second: the mean of tokens per byte.
    path = tmp_path / "text.txt"
    path.write_text("abcd " * 600_000 + "abcdefghi " * 300_000, encoding="utf-8")
    sample = count_tokens(path, tokenizer_json)
    assert sample.data_bytes == 6_000_000
    assert 0.9 * SAMPLE_BYTES < sample.sample_bytes <= SAMPLE_BYTES
    assert sample.bytes_per_token == pytest.approx(1 / (0.5 / 5 + 0.5 / 10), rel=0.02)
    assert sample.tokens == pytest.approx(900_000, rel=0.02)


def test_cut_characters_are_left_out(tmp_path: Path, tokenizer_json: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("漢字 " * 400_000, encoding="utf-8")
    assert count_tokens(path, tokenizer_json).bytes_per_token == pytest.approx(7, rel=0.01)


def test_folder_counts_all_its_files_but_hidden_ones(tmp_path: Path, tokenizer_json: Path) -> None:
    folder = tmp_path / "data"
    (folder / "part").mkdir(parents=True)
    (folder / "a.txt").write_text("abcd " * 100_000, encoding="utf-8")
    (folder / "empty.txt").write_text("", encoding="utf-8")
    (folder / "part" / "b.txt").write_text("abcdefghi " * 50_000, encoding="utf-8")
    (folder / ".cache").write_bytes(b"\0" * 1000)
    sample = count_tokens(folder, tokenizer_json)
    assert sample.data_bytes == 1_000_000
    assert sample.tokens == pytest.approx(150_000, rel=0.02)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n ", "holds no text to count"),
        (b"\xff\xfe\xfa binary", "is not UTF-8 text"),
        (b"text\0text", "is not a text file"),
    ],
)
def test_data_that_is_no_text(tmp_path: Path, tokenizer_json: Path, content: bytes, message: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        count_tokens(path, tokenizer_json)
    assert caught.value.field == "data"


def test_data_that_does_not_exist(tmp_path: Path, tokenizer_json: Path) -> None:
    with pytest.raises(ModelError, match="does not exist; give a text file or a folder of them"):
        count_tokens(tmp_path / "nothing.txt", tokenizer_json)


@pytest.mark.parametrize("content", [None, b"{}", b"no JSON", b"\xff\xfe", b'{"model": {"type": "BPE"}}'])
def test_tokenizer_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"tokenizer: .*tokenizer.json") as caught:
        count_tokens(tmp_path, path)
    assert caught.value.field == "tokenizer"


def test_missing_extra_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ModelError, match=r"pip install 'gpuplan\[tokenizers\]'"):
        count_tokens(tmp_path, tmp_path / "tokenizer.json")
