"""What has to run: architectures, training methods, frameworks and tokenizers. No hardware, no layout."""

from __future__ import annotations

from gpuplan_models.catalogue import architecture, architectures
from gpuplan_models.config import read_config
from gpuplan_models.counting import TokenSample, count_tokens
from gpuplan_models.errors import ModelError
from gpuplan_models.framework import Framework, ParameterBytes, frameworks
from gpuplan_models.layers import AttentionCore, LayerKind, Linear
from gpuplan_models.method import Method, methods
from gpuplan_models.shape import Architecture, check_targets
from gpuplan_models.targets import TARGET_GROUPS, Targets
from gpuplan_models.tokens import BytesPerToken, TokenizerFamily, tokenizers

__all__ = [
    "TARGET_GROUPS",
    "Architecture",
    "AttentionCore",
    "BytesPerToken",
    "Framework",
    "LayerKind",
    "Linear",
    "Method",
    "ModelError",
    "ParameterBytes",
    "Targets",
    "TokenSample",
    "TokenizerFamily",
    "architecture",
    "architectures",
    "check_targets",
    "count_tokens",
    "frameworks",
    "methods",
    "read_config",
    "tokenizers",
]
