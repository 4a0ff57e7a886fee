"""Every catalogued model as Hugging Face transformers builds it: the parameters are counted on the meta device.

Needs the extra `transformers` (``pip install 'gpuplan[transformers]'``); without it these tests are skipped.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gpuplan_models import architecture
from gpuplan_models.loading import DATA

torch = pytest.importorskip("torch", reason="pip install 'gpuplan[transformers]'")
transformers = pytest.importorskip("transformers", reason="pip install 'gpuplan[transformers]'")

FILES = sorted((DATA / "architectures").glob("*.toml"))
#: The class that holds all parameters of the checkpoint, where it is not the causal language model.
CLASSES = {"bert": "BertForPreTraining"}
#: What a config.json writes as null and TOML leaves out, where the class in transformers has another default.
NULLS: dict[str, dict[str, None]] = {"deepseek_v2": {"q_lora_rank": None}}
#: Fields that say how a checkpoint is stored; the model is built in its 16-bit form.
STORAGE = {"architectures", "quantization_config", "torch_dtype"}


def built_parameters(config: Mapping[str, Any]) -> int:
    """Figures that the checkpoint of a config holds: parameters, shared ones once, and buffers that are stored with them.

    Such a buffer is the correction bias of a router, which the optimizer does not train.
    """
    kind = config["model_type"]
    fields = {name: value for name, value in config.items() if name not in STORAGE | {"model_type"}}
    full = transformers.AutoConfig.for_model(kind, **{**NULLS.get(kind, {}), **fields})
    with torch.device("meta"):
        if kind in CLASSES:
            model = getattr(transformers, CLASSES[kind])(full)
        else:
            model = transformers.AutoModelForCausalLM.from_config(full)
    stored = model.state_dict().keys()
    buffers = sum(buffer.numel() for name, buffer in model.named_buffers() if name in stored)
    return int(buffers + sum(parameter.numel() for parameter in model.parameters()))


@pytest.mark.filterwarnings("default")  # of transformers and torch, which are not ours to mend
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transformers_builds_as_many_parameters(path: Path) -> None:
    config = tomllib.loads(path.read_text(encoding="utf-8"))["config"]
    if config["model_type"] not in transformers.CONFIG_MAPPING:
        pytest.skip(f"transformers has no class for {config['model_type']}: its code lies beside the weights")
    assert built_parameters(config) == architecture(path.stem).parameters
