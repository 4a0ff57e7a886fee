"""The shape of the catalogue's TOML files, checked with pydantic. Nothing here knows the domain's dataclasses."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

FrozenStorage = Literal["bf16", "fp8", "int8", "nf4"]
Precision = Literal["bf16", "fp16", "fp8"]
Recompute = Literal["none", "selective", "full"]
Offload = Literal["none", "optimizer", "parameters"]
Optimizer = Literal["adamw", "adamw-8bit"]
ZeroStage = Literal[0, 1, 2, 3]
Basis = Literal["datasheet", "measured", "assumed"]
ParameterBasis = Literal["safetensors", "transformers", "paper"]

# What is part of something else, and the something.
_RESTS_ON = {
    "pipeline_uneven": "pipeline_parallel",
    "interleaved": "pipeline_parallel",
    "expert_tensor_parallel": "expert_parallel",
}


def _iso_date(value: Any) -> Any:
    # Pydantic alone would also take numbers for dates (seconds since 1970).
    if isinstance(value, str):
        if not _ISO_DATE.fullmatch(value):
            raise ValueError("should be a date such as 2026-11-20")
        return date.fromisoformat(value)
    return value


class FileModel(BaseModel):
    """A table of a catalogue file: unknown keys and mistaken types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Text = Annotated[str, Field(min_length=1, max_length=600)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=80)]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]
PerParameterBytes = Annotated[float, Field(ge=0, le=32)]
PerTokenBytes = Annotated[float, Field(ge=0.5, le=16)]


class PublishedFile(FileModel):
    """[published_parameters]: what the computed count must equal, and who says so."""

    value: Annotated[int, Field(gt=0)]
    basis: ParameterBasis
    verification: Text
    as_of: IsoDate


class ArchitectureFile(FileModel):
    """data/architectures/*.toml; [config] holds fields of the model's config.json verbatim."""

    name: Name
    aliases: list[Text]
    tokenizer: Name
    source: Text
    as_of: IsoDate
    published_parameters: PublishedFile
    config: dict[Text, Any]


class MethodFile(FileModel):
    """data/methods/*.toml; `default_weights` is left out where nothing is frozen."""

    name: Name
    trains: Literal["all", "adapters"]
    frozen_weights: list[FrozenStorage]
    default_weights: FrozenStorage | None = None
    description: Text
    source: Text
    as_of: IsoDate

    @model_validator(mode="after")
    def _default_is_allowed(self) -> MethodFile:
        if (self.default_weights is None) != (self.frozen_weights == []):
            raise ValueError("default_weights should be given exactly when frozen_weights is not empty")
        if self.default_weights is not None and self.default_weights not in self.frozen_weights:
            raise ValueError(f"default_weights should be one of frozen_weights: {', '.join(self.frozen_weights)}")
        return self


class PolicyFile(FileModel):
    """Bytes per trained parameter; `source` is one of the keys of [sources]."""

    weight_bytes: PerParameterBytes
    gradient_bytes: PerParameterBytes
    optimizer_bytes: PerParameterBytes
    source: Text
    basis: Basis


class VendorFile(FileModel):
    """[[vendors]]: a maker of accelerators that the framework runs on, and what of it runs there if that is not everything."""

    name: Text
    source: Text
    frozen_weights: list[FrozenStorage] | None = None
    optimizers: list[Optimizer] | None = None


class ExpertsFile(FileModel):
    """[[experts]]: mixtures of experts that the framework trains, by `model_type`; "*" stands for all that no other table names."""

    model_types: Annotated[list[Text], Field(min_length=1)]
    frozen_weights: list[FrozenStorage] = []
    adapters: bool = False
    source: Text


class FrameworkFile(FileModel):
    """data/frameworks/*.toml; `facts` names the source of every capability that is given."""

    name: Name
    title: Text | None = None
    as_of: IsoDate
    kernels: Literal["megatron", "torch", "hf"]
    stand_in: bool = False
    methods: list[Name]
    model_types: list[Text] | None = None
    precisions: list[Precision] = ["bf16"]
    frozen_weights: list[FrozenStorage] = ["bf16"]
    optimizers: list[Optimizer] = ["adamw"]
    tensor_parallel: bool = False
    pipeline_parallel: bool = False
    pipeline_uneven: bool = False
    interleaved: bool = False
    expert_parallel: bool = False
    expert_tensor_parallel: bool = False
    context_parallel: bool = False
    sequence_parallel: bool = False
    fused_cross_entropy: bool = False
    fp32_beside_quantised: bool = False
    eager_attention: list[Text] = []
    bucket_bytes: Annotated[float, Field(ge=0)] = 0
    zero_stages: list[ZeroStage] = [0]
    zero_stages_with_pipeline: list[ZeroStage] = []
    recompute: list[Recompute] = ["none"]
    offload: list[Offload] = ["none"]
    full: PolicyFile
    adapters: PolicyFile
    vendors: Annotated[list[VendorFile], Field(min_length=1)]
    experts: list[ExpertsFile] = []
    facts: dict[Text, Text]
    sources: dict[Text, Text]

    @model_validator(mode="after")
    def _stages_agree(self) -> FrameworkFile:
        if not set(self.zero_stages_with_pipeline) <= set(self.zero_stages):
            raise ValueError("zero_stages_with_pipeline should be among zero_stages")
        if bool(self.zero_stages_with_pipeline) != self.pipeline_parallel:
            raise ValueError("zero_stages_with_pipeline should be given exactly with pipeline_parallel")
        if "parameters" in self.offload and 3 not in self.zero_stages:
            raise ValueError("offload of parameters should be given only with 3 among zero_stages")
        return self

    @model_validator(mode="after")
    def _switches_agree(self) -> FrameworkFile:
        for name, needed in _RESTS_ON.items():
            if getattr(self, name) and not getattr(self, needed):
                raise ValueError(f"{name} should be given only with {needed}")
        for name in ("recompute", "offload"):
            if "none" not in getattr(self, name):
                raise ValueError(f"none should be among {name}: it may always be left undone")
        return self

    @model_validator(mode="after")
    def _tables_agree(self) -> FrameworkFile:
        named = [model_type for table in self.experts for model_type in table.model_types]
        makers = [vendor.name for vendor in self.vendors]
        for what, names in (("model_types of [[experts]]", named), ("names of [[vendors]]", makers)):
            if len(names) != len(set(names)):
                raise ValueError(f"{what} should be different")
        stored = [vendor.frozen_weights or [] for vendor in self.vendors] + [t.frozen_weights for t in self.experts]
        for storages in stored:
            if not set(storages) <= set(self.frozen_weights):
                raise ValueError("frozen_weights of [[vendors]] and [[experts]] should be among those of the framework")
        return self

    @model_validator(mode="after")
    def _facts_are_complete(self) -> FrameworkFile:
        elsewhere = {"name", "title", "as_of", "kernels", "full", "adapters", "vendors", "experts", "facts", "sources"}
        needed = self.model_fields_set - elsewhere
        if needed != set(self.facts):
            raise ValueError(f"facts should name a source for each of {', '.join(sorted(needed))}")
        return self


class RateFile(FileModel):
    """Bytes of UTF-8 text per token."""

    central: PerTokenBytes
    low: PerTokenBytes
    high: PerTokenBytes
    source: Text
    as_of: IsoDate
    basis: Basis

    @model_validator(mode="after")
    def _in_order(self) -> RateFile:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"{self.low}, {self.central}, {self.high} should be low <= central <= high")
        return self


def _needs_default(rates: dict[str, RateFile]) -> dict[str, RateFile]:
    if "default" not in rates:
        raise ValueError("a rate named default is needed, for text of which the language is not known")
    return rates


class TokenizerFile(FileModel):
    """data/tokenizers/*.toml; a vocabulary size belongs to one family only."""

    name: Name
    title: Text
    vocab_sizes: list[Annotated[int, Field(gt=0)]]
    bytes_per_token: Annotated[dict[Name, RateFile], AfterValidator(_needs_default)]
    sources: dict[Text, Text]
