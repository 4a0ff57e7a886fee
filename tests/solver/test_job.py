from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from gpuplan.errors import InputError
from gpuplan.fields import FIELDS, PINS
from gpuplan.job import Job, JobSpec, Pins, load_spec, make_spec, resolve, resolve_all
from gpuplan.job.batch import batch_candidates
from gpuplan.job.data_size import token_count
from gpuplan.job.pins import FLAGS
from gpuplan_hardware import offers

SEVEN_B = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB"}


def job(**words: Any) -> Job:
    merged = {**SEVEN_B, **words}
    return resolve({name: value for name, value in merged.items() if value is not None})


def bad(**words: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        job(**words)
    return caught.value


def test_every_field_has_a_place_in_the_spec_and_in_the_list() -> None:
    assert [field.name for field in FIELDS] == list(JobSpec.model_fields)


def test_defaults_are_those_of_the_documentation() -> None:
    found = job()
    # 1 GB / 4.0 bytes per token = 250 M tokens; / 4,096 = 61,035.2 sequences, the last one partly filled;
    # 61,036 / 256 = 238.4 steps.
    assert found.tokens.tokens == 250e6
    assert found.tokens.low < 250e6 < found.tokens.high
    assert (found.sequences, found.training_tokens, found.steps(256)) == (61_036, 61_036 * 4_096, 239)
    assert (found.epochs, found.sequence_length, found.packing_efficiency) == (1, 4_096, 1)
    assert found.global_batches == (256,)
    assert (found.lora_rank, found.lora_targets) == (16, "all-linear")
    assert (found.precision, found.weights, found.optimizer, found.framework) == ("bf16", "bf16", "adamw", None)
    assert (found.startup_seconds, found.weights_bytes_per_second) == (600, 1e9)
    assert found.checkpoint_interval_seconds == 3_600
    assert (found.confidence, found.objectives) == (0.9, ("cost", "gpus", "time"))
    assert (found.limits.pricing, found.limits.marketplace, found.limits.deadline_from) == (
        ("on-demand",),
        False,
        "order",
    )
    assert (found.trials, found.parallel, found.contingency, found.evaluation_share) == (1, 1, 0, 0)


def test_a_sentence_for_each_default_taken_and_none_for_what_is_given() -> None:
    assumed = " | ".join(job().assumptions)
    for words in (
        "4.0 bytes per token",
        "1 epoch",
        "4,096 tokens",
        "LoRA rank 16",
        "bf16 compute",
        "AdamW",
        "on-demand",
    ):
        assert words in assumed
    given = job(
        epochs=2, seq_len=2048, lora_rank=8, precision="bf16", optimizer="adamw", bytes_per_token=3.5, packing=0.9
    )
    for words in ("epoch ", "4,096 tokens", "LoRA rank", "bf16 compute", "AdamW", "packed"):
        assert words not in " | ".join(given.assumptions)
    assert given.tokens.low == given.tokens.tokens == given.tokens.high == 1e9 / 3.5


def test_samples_are_one_sequence_each() -> None:
    found = job(data=None, samples="10k", epochs="2.5", packing="50%", seq_len=1000)
    assert found.samples == 10_000
    assert found.sequences == 25_000  # 10,000 x 2.5
    assert found.training_tokens == 25_000_000
    assert found.tokens.tokens == 5e6  # 10,000 x 1,000 x 0.5


def test_sequences_are_not_rounded_up_by_the_noise_of_a_division() -> None:
    # 0.9 x 4,096 = 3,686.4 tokens of text per sequence; 36,864,000 / 3,686.4 = 10,000 exactly.
    assert job(data=None, tokens=36_864_000, packing=0.9).sequences == 10_000
    assert job(data=None, tokens=1, epochs=0.1).sequences == 1


@pytest.mark.parametrize(("tokens", "batch"), [("100M", 64), (100e6 + 1, 256), ("1G", 256), ("1.1B", 1024)])
def test_the_default_global_batch_follows_the_data(tokens: object, batch: int) -> None:
    assert job(data=None, tokens=tokens).global_batches == (batch,)
    assert job(data=None, tokens=tokens, epochs=20).global_batches == (batch,)


def test_candidates_of_a_range() -> None:
    assert batch_candidates(64, 64) == (64,)
    assert batch_candidates(7, 30) == (7, 8, 10, 12, 16, 20, 24, 30)
    assert job(global_batch="8:32").global_batches == (8, 10, 12, 16, 20, 24, 32)
    # Powers of two and 3 and 5 times them between 64 and 1,024: 80 96 128 160 192 256 320 384 512 640 768.
    assert len(job(global_batch="64:1024").global_batches) == 13


def test_a_size_wins_over_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1GB").write_text("abcd" * 25)
    monkeypatch.chdir(tmp_path)
    assert job(data="1GB").tokens.data_bytes == 1e9
    assert job(data="./1GB").tokens.data_bytes == 100
    (tmp_path / "2024").write_text("abcd")
    assert job(data="./2024").tokens.data_bytes == 4
    with pytest.raises(InputError, match=r"\./2024 for the path"):
        job(data="2024")
    assert job(data=Path("1GB").absolute()).tokens.tokens == 25


def test_the_files_of_a_folder_are_added_up_without_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_text("x" * 300)
    (tmp_path / "two.jsonl").write_text("x" * 100)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "three").write_text("x" * 1000)
    (tmp_path / "a" / ".hidden").write_text("x" * 1000)
    found = job(data=str(tmp_path))
    assert (found.tokens.data_bytes, found.tokens.tokens) == (400, 100)
    assert any("2 files" in sentence for sentence in found.assumptions)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", b"", "holds no bytes"),
        ("text.jsonl.gz", b"\x1f\x8b\x08", "is compressed"),
        ("tokens.bin", b"\x01\x00\x02\x00", "zero bytes"),
    ],
)
def test_files_whose_size_says_nothing(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert words in bad(data=str(tmp_path / name)).message


def test_a_tokenizer_file_counts_the_text(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"word": 0, "?": 1}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    words.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "text.txt").write_text("word " * 2_000)
    found = job(data=str(tmp_path / "text.txt"), tokenizer=str(tmp_path / "tokenizer.json"))
    assert found.tokens.tokens == 2_000  # all 10,000 bytes are read: nothing is left open
    assert found.tokens.low == found.tokens.high == 2_000
    (tmp_path / "text.txt").write_text("word " * 1_000_000)
    sampled = job(data=str(tmp_path / "text.txt"), tokenizer=str(tmp_path / "tokenizer.json"))
    assert sampled.tokens.tokens == pytest.approx(1_000_000, rel=0.01)
    assert sampled.tokens.low < 1_000_000 < sampled.tokens.high


def test_a_language_has_its_own_bytes_per_token() -> None:
    english, chinese = job(language="en").tokens, job(language="zh", tokenizer="llama-2").tokens
    assert english.bytes_per_token != chinese.bytes_per_token
    assert "en text" in english.basis
    assert "llama-2" in chinese.basis


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"data": None}, "data"),
        ({"tokens": "1M"}, "tokens"),
        ({"data": None, "samples": "1.5"}, "samples"),
        ({"data": None, "tokens": "1M", "bytes_per_token": 4}, "bytes_per_token"),
        ({"data": None, "samples": 10, "language": "en"}, "language"),
        ({"bytes_per_token": 4, "tokenizer": "qwen2"}, "tokenizer"),
        ({"method": "full", "lora_targets": "attention"}, "lora_targets"),
        ({"method": "full", "weights": "bf16"}, "weights"),
        ({"gpu": ""}, "gpu"),
        ({"gpu": "H100", "exclude_gpu": "H100"}, "exclude_gpu"),
        ({"price": 2}, "price"),
        ({"framework": "hf-peft", "pp": 2}, "pp"),
        ({"framework": "torch-fsdp", "zero": 1}, "zero"),
        ({"framework": "megatron", "method": "qlora"}, "framework"),
        ({"gpus": 10, "tp": 4}, "gpus"),
        ({"gpus": 16, "tp": 4, "pp": 2, "dp": 4}, "gpus"),
        ({"trials": 2, "parallel": 3}, "parallel"),
    ],
)
def test_what_does_not_go_together(words: dict[str, Any], field: str) -> None:
    assert bad(**words).field == field


def test_frozen_weights_go_with_the_method() -> None:
    assert job(weights="fp8").weights == "fp8"
    assert job(method="qlora").weights == "nf4"
    assert job(method="full").weights == "bf16"
    assert "nf4 weights go with method qlora" in bad(weights="nf4").message


def test_the_published_precision_is_pointed_out() -> None:
    assert any("published in fp8" in sentence for sentence in job(model="deepseek-r1").assumptions)
    assert not any("published in" in sentence for sentence in job(model="deepseek-r1", weights="fp8").assumptions)


def test_the_sequence_length_is_bounded_by_the_model() -> None:
    most = job().architecture.max_sequence_length
    assert job(seq_len=most).sequence_length == most
    assert bad(seq_len=most + 1).suggestions == (str(most),)


def test_a_family_of_gpus_means_its_variants_and_is_said() -> None:
    found = job(gpu="a100-80gb, h100-sxm")
    assert found.limits.gpus is not None
    assert {"A100-80GB-SXM", "H100-SXM"} < set(found.limits.gpus)
    assert any("a100-80gb stands for A100-80GB" in sentence for sentence in found.assumptions)
    v100 = ("V100-16GB", "V100-16GB-PCIe", "V100-32GB", "V100-32GB-PCIe")
    assert job(exclude_gpu=["T4", "V100"]).limits.exclude_gpus == ("T4", *v100)


def test_an_own_price_is_for_one_gpu() -> None:
    assert job(gpu="H100-SXM", price="$1.99").catalogue.price_usd_per_gpu_hour == 1.99
    error = bad(gpu="A100-80GB", price=2)
    assert "A100-80GB-SXM" in error.suggestions


def test_limits_and_pins_arrive_in_base_units() -> None:
    found = job(
        deadline="1d12h", deadline_from="start", budget="2k", max_gpus=16, max_nodes="2", provider="AWS", tp=8, zero=0
    )
    limits = found.limits
    assert (limits.deadline_seconds, limits.deadline_from, limits.budget_usd) == (129_600, "start", 2_000)
    assert (limits.max_gpus, limits.max_nodes, limits.providers) == (16, 2, ("aws",))
    assert (found.pins.tensor_parallel, found.pins.zero_stage, found.pins.data_parallel) == (8, 0, None)


def test_names_are_looked_up_among_the_offers_in_use() -> None:
    known = [offer for offer in offers() if offer.provider.name != "aws"]
    assert resolve({**SEVEN_B, "provider": "aws"}).limits.providers == ("aws",)
    with pytest.raises(InputError, match="aws is known, but no offer of it has a price here"):
        resolve({**SEVEN_B, "provider": "aws"}, offers=known)


def test_a_marketplace_by_name_still_needs_the_flag() -> None:
    market = next(offer.provider.name for offer in offers() if offer.provider.marketplace)
    assert "add --marketplace" in bad(provider=market).message
    assert job(provider=market, marketplace=True).limits.providers == (market,)


def test_owned_nodes_are_taken_without_asking_for_them() -> None:
    owned = [replace(offer, pricing="owned") for offer in offers()[:3]]
    assert resolve(SEVEN_B, offers=owned).limits.pricing == ("on-demand", "owned")
    assert resolve({**SEVEN_B, "pricing": "spot"}, offers=owned).limits.pricing == ("spot",)


@pytest.mark.parametrize(("given", "expected"), [("point", None), ("95%", 0.95), (0.8, 0.8)])
def test_confidence(given: object, expected: float | None) -> None:
    assert job(confidence=given).confidence == expected


@pytest.mark.parametrize(("first", "order"), [("gpus", ("gpus", "cost", "time")), ("time", ("time", "cost", "gpus"))])
def test_the_objective_comes_first_and_ties_are_broken_in_order(first: str, order: tuple[str, ...]) -> None:
    assert job(minimize=first).objectives == order


def test_a_resolved_job_and_a_spec_are_taken_as_well_as_a_mapping() -> None:
    spec = make_spec(SEVEN_B)
    assert resolve(resolve(spec)) == resolve(SEVEN_B)


def test_a_model_by_its_own_config(tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 1000,
        "max_position_embeddings": 1024,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = job(model=tmp_path / "config.json")
    assert found.sequence_length == 1024  # the model's maximum where the default is more
    assert found.architecture.name == str(tmp_path / "config.json")
    assert job(model="deepseek-ai/DeepSeek-R1").architecture.name == "deepseek-r1"


@pytest.mark.parametrize(
    ("words", "field", "hint"),
    [
        ({"data": True}, "data", "a size such as 1GB"),
        ({"data": ["1GB", "2GB"]}, "data", "of type list"),
        ({"marketplace": "perhaps"}, "marketplace", "true or false"),
        ({"gpu": [1, 2]}, "gpu", "such as H100"),
        ({"epochs": {"a": 1}}, "epochs", "of type dict"),
    ],
)
def test_a_value_of_the_wrong_shape_is_told_what_is_right(words: dict[str, Any], field: str, hint: str) -> None:
    error = bad(**words)
    assert error.field == field
    assert hint in error.message
    assert "pydantic" not in error.message


def test_an_unknown_field_gets_close_matches() -> None:
    error = bad(deadlin="24h")
    assert (error.field, error.suggestions[0]) == ("deadlin", "deadline")


def write(folder: Path, text: str) -> Path:
    path = folder / "job.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_the_job_file(tmp_path: Path) -> None:
    path = write(
        tmp_path, "model: mixtral-8x7b\nmethod: lora\ndata: 1GB\ndeadline: 24h\ngpu: [H100, A100]\nmarketplace: true\n"
    )
    spec = load_spec(path, {"deadline": "2d", "marketplace": False, "budget": None})
    assert (spec.model, spec.deadline, spec.gpu, spec.marketplace) == ("mixtral-8x7b", "2d", ("H100", "A100"), False)


def test_a_flag_replaces_the_alternatives_of_the_job_file(tmp_path: Path) -> None:
    path = write(
        tmp_path, "model: mixtral-8x7b\nmethod: lora\ndata: 1GB\nbytes_per_token: 3.5\nprice: 2\ngpu: H100-SXM\n"
    )
    assert resolve(load_spec(path, {"tokens": "100M"})).tokens.tokens == 100e6
    assert resolve(load_spec(path, {"samples": "1k"})).samples == 1000
    assert resolve(load_spec(path, {"data": "2GB"})).tokens.bytes_per_token == 3.5
    assert load_spec(path, {"language": "zh"}).bytes_per_token is None
    assert load_spec(path, {"offers": "mine.csv"}).price is None
    with pytest.raises(InputError, match="give one of them"):
        resolve(load_spec(path, {"tokens": "100M", "samples": "1k"}))


@pytest.mark.parametrize("words", [None, "mixtral-8x7b", ["model"]])
def test_what_is_no_job_is_told_what_is_one(words: Any) -> None:
    with pytest.raises(InputError, match="give a mapping, a JobSpec or a Job"):
        resolve(words)


def test_plain_values_of_a_job_file_stay_words(tmp_path: Path) -> None:
    # YAML 1.1 would read 8:32 as 512 (base 60), no as false, 0o17 and 1_000 as numbers, 2026-01-01 as a date.
    spec = load_spec(
        write(tmp_path, "global_batch: 8:32\nlanguage: no\ntokens: 1e9\nseed: 7\nbudget: ~\nmarketplace: yes\n")
    )
    assert (spec.global_batch, spec.language, spec.tokens, spec.seed) == ("8:32", "no", "1e9", "7")
    assert spec.budget is None
    assert spec.marketplace is True


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("", "job", "holds no fields"),
        ("- model: x", "job", "holds no fields"),
        ("just words", "job", "holds no fields"),
        ("model: [", "job", "is not YAML in line"),
        ("model: x\n\tdata: y", "job", "is not YAML in line 2"),
        ("model: a\ndata: 1GB\nmodel: b", "model", "stands twice in the job file (again in line 3)"),
        ("modle: a", "modle", "no such field"),
        ("5: a", "5", "no such field"),
        ("~: a", "None", "no such field"),
        ("? [a, b]\n: c", "job", "is not YAML"),
        ("model: !!python/object:os.system x", "job", "is not YAML in line 1"),
        ("epochs: !!int x", "job", "is not YAML"),
        ("model: &a [*a]", "model", "cannot use"),
        ("[" * 20_000, "job", "nested too deeply"),
        ("data: \x00", "job", "is not YAML"),
    ],
)
def test_bad_job_files(tmp_path: Path, text: str, field: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        load_spec(write(tmp_path, text))
    assert caught.value.field == field
    assert hint in caught.value.message
    assert "\n" not in caught.value.message


def test_nan_in_a_job_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "model: mixtral-8x7b\nmethod: lora\ndata: 1GB\nepochs: .nan\nbudget: !!float .inf\n")
    with pytest.raises(InputError, match=r"epochs: '.nan' is not a number"):
        resolve(load_spec(path))
    with pytest.raises(InputError, match="budget: 'inf' is not an amount"):
        resolve(load_spec(path, {"epochs": "1"}))


def test_a_job_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        load_spec(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="is a folder"):
        load_spec(tmp_path)
    with pytest.raises(InputError, match="larger than 1 MB"):
        load_spec(write(tmp_path, "#" * 1_000_001))
    (tmp_path / "latin.yaml").write_bytes("model: caf\xe9".encode("latin-1"))
    with pytest.raises(InputError, match="is not YAML"):
        load_spec(tmp_path / "latin.yaml")
    with pytest.raises(InputError, match="cannot read"):
        load_spec("x" * 5_000)


def test_every_pin_has_a_flag() -> None:
    flags = {field.name for field in FIELDS if field.group == PINS}
    assert flags == set(FLAGS.values())
    assert {field.name for field in fields(Pins)} == set(FLAGS) | {"framework"}


def test_a_given_layout_arrives() -> None:
    dense = job(tp=2, pp=4, vp=7, dp=1, cp=2, zero=1, micro_batch=1, recompute="Full", offload="optimizer").pins
    assert (dense.tensor_parallel, dense.pipeline_parallel, dense.virtual_pipeline) == (2, 4, 7)
    assert (dense.data_parallel, dense.context_parallel, dense.offload, dense.recompute) == (1, 2, "optimizer", "full")
    assert job(pp=4, uneven="BOTH").pins.lighter == "both"
    mixture = job(model="mixtral-8x7b", tp=2, ep=4, etp=2).pins
    assert (mixture.expert_parallel, mixture.expert_tensor_parallel) == (4, 2)


def test_side_rules_arrive() -> None:
    found = job(
        exclude_provider="AWS,gcp",
        exclude_region=["us-east-1"],
        nvswitch_only=True,
        max_tp=4,
        min_mfu="30%",
        node_counts=[4, 1, "2"],
    ).limits
    assert (found.exclude_providers, found.exclude_regions) == (("aws", "gcp"), ("us-east-1",))
    assert (found.nvswitch_only, found.max_tensor, found.min_mfu, found.node_counts) == (True, 4, 0.3, (1, 2, 4))
    assert job(node_counts=2).limits.node_counts == (2,)
    assert job(node_counts="1, 8").limits.node_counts == (1, 8)


@pytest.mark.parametrize("words", ["gpus,cost", ["gpus", "cost"], "GPUs, cost"])
def test_two_goals_are_a_lexicographic_order(words: Any) -> None:
    assert job(minimize=words).objectives == ("gpus", "cost", "time")
    assert job(minimize="time,gpus", deadline="1d").objectives == ("time", "gpus", "cost")


def test_time_as_second_goal_counts_from_the_order_as_well() -> None:
    assert not job().limits.timed
    assert job(minimize="cost,time").limits.timed


# -- several methods and precisions -------------------------------------------------------------------------------------
def choices(**words: Any) -> list[tuple[str, str]]:
    merged = {name: value for name, value in {**SEVEN_B, **words}.items() if value is not None}
    return [(one.method.name, one.precision) for one in resolve_all(merged)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"method": None}, [("full", "bf16"), ("lora", "bf16"), ("qlora", "bf16")]),
        ({"method": "any"}, [("full", "bf16"), ("lora", "bf16"), ("qlora", "bf16")]),
        ({"method": "qlora,LoRA"}, [("lora", "bf16"), ("qlora", "bf16")]),
        ({"method": "lora", "precision": "any"}, [("lora", "bf16"), ("lora", "fp8")]),
        ({"method": "lora,qlora", "precision": "bf16,fp8"}, [("lora", "bf16"), ("lora", "fp8"), ("qlora", "bf16")]),
        ({"method": "lora", "precision": "fp16,bf16"}, [("lora", "bf16"), ("lora", "fp16")]),
        ({"method": "any", "framework": "megatron"}, [("full", "bf16"), ("lora", "bf16")]),
        ({"method": "any", "weights": "nf4"}, [("full", "bf16"), ("qlora", "bf16")]),
        ({"method": "lora"}, [("lora", "bf16")]),
    ],
)
def test_every_choice_that_can_be(words: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert choices(**words) == expected


def test_what_is_left_out_of_the_choices_is_said() -> None:
    found = resolve_all({**SEVEN_B, "method": "any", "framework": "megatron"})
    assert all(any("qlora in bf16 left out: framework" in said for said in one.assumptions) for one in found)
    both = resolve_all({**SEVEN_B, "method": "lora,qlora", "precision": "bf16,fp8"})
    assert all(any(said.startswith("qlora in fp8 left out") for said in one.assumptions) for one in both)


def test_what_is_said_of_adapters_is_for_those_that_have_some() -> None:
    full, lora, qlora = resolve_all({**SEVEN_B, "method": "any", "lora_rank": 64})
    assert (lora.lora_rank, qlora.lora_rank, full.weights) == (64, 64, "bf16")
    with pytest.raises(InputError, match="has no effect with method full"):
        resolve_all({**SEVEN_B, "method": "full", "lora_rank": 64})


def test_choices_show_no_neighbours_unless_asked() -> None:
    assert {one.search.alternatives for one in resolve_all({**SEVEN_B, "method": "any"})} == {0}
    assert {one.search.alternatives for one in resolve_all({**SEVEN_B, "method": "any", "alternatives": 2})} == {2}


def test_where_no_choice_can_be_the_first_reason_is_given() -> None:
    with pytest.raises(InputError, match="deadline: '24' has no unit"):
        resolve_all({**SEVEN_B, "method": "any", "deadline": "24"})


def test_text_is_counted_once_for_all_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return token_count(*arguments)

    monkeypatch.setattr(sys.modules["gpuplan.job.resolve"], "token_count", counted)
    (tmp_path / "text.txt").write_text("word " * 1000)
    found = resolve_all({**SEVEN_B, "method": "any", "data": str(tmp_path)})
    assert len(calls) == 1
    assert len({one.tokens for one in found}) == 1
    assert all(any("training text, markup included" in said for said in one.assumptions) for one in found)
