"""GLM-4.5 and later: grouped-query attention, and DeepSeek-V3's mixture of shared and routed experts.

Shapes as in Hugging Face transformers: ``modeling_glm4_moe.py``; the multi-token-prediction module has DeepSeek-V3's form.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.mixture import dense_first_stack
from gpuplan_models.parts import Stack, grouped_query_attention


def _glm4_moe(fields: Fields) -> Stack:
    attention = grouped_query_attention(
        fields,
        qkv_bias=fields.flag("attention_bias", default=False),
        output_bias=False,
        head_norms=fields.flag("use_qk_norm", default=False),
    )
    return dense_first_stack(fields, attention, correction_bias=True)


BUILDERS = {"glm4_moe": _glm4_moe}
