"""How GPU names resolve."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan_hardware import CatalogueError, accelerators, resolve_gpus
from gpuplan_hardware.names import normalise

MODELS = list(accelerators().values())
OWN_TEXTS = [(text, model.name) for model in MODELS for text in (model.name, *model.aliases)]
FAMILIES = sorted({family for model in MODELS for family in model.families})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A100", ("A100-40GB-PCIe", "A100-40GB-SXM", "A100-80GB-PCIe", "A100-80GB-SXM")),
        ("A100-80GB", ("A100-80GB-PCIe", "A100-80GB-SXM")),
        ("a100 80gb", ("A100-80GB-PCIe", "A100-80GB-SXM")),
        ("A100-40GB", ("A100-40GB-PCIe", "A100-40GB-SXM")),
        ("A100-80GB-SXM", ("A100-80GB-SXM",)),
        ("A100-80GB-SXM4", ("A100-80GB-SXM",)),
        ("NVIDIA A100-SXM4-80GB", ("A100-80GB-SXM",)),
        ("NVIDIA A100 80GB PCIe", ("A100-80GB-PCIe",)),
        ("nvidia-tesla-a100", ("A100-40GB-SXM",)),
        ("H100", ("H100-NVL", "H100-PCIe", "H100-SXM")),
        ("H100 SXM5", ("H100-SXM",)),
        ("NVIDIA H100 80GB HBM3", ("H100-SXM",)),
        ("H100-MEGA", ("H100-SXM",)),
        ("H200", ("H200-NVL", "H200-SXM")),
        ("V100", ("V100-16GB", "V100-16GB-PCIe", "V100-32GB", "V100-32GB-PCIe")),
        ("Tesla V100-SXM2-16GB", ("V100-16GB",)),
        ("4090", ("RTX-4090",)),
        ("RTX4090-24GB", ("RTX-4090",)),
        ("NVIDIA GeForce RTX 4090", ("RTX-4090",)),
        ("Tesla T4", ("T4",)),
        ("AMD Instinct MI300X", ("MI300X",)),
        ("A10G-24GB", ("A10G",)),
        ("NVIDIA A10", ("A10",)),
        ("NVIDIA GeForce RTX 3090", ("RTX-3090",)),
        ("A6000", ("RTX-A6000",)),
        ("NVIDIA RTX 6000 Ada Generation", ("RTX-6000-Ada",)),
        ("nvidia-rtx-pro-6000", ("RTX-PRO-6000",)),
        ("NVIDIA GH200 480GB", ("GH200",)),
        ("MI300", ("MI300X", "MI325X")),
        ("Intel Gaudi 2", ("Gaudi2",)),
        ("Huawei Ascend 910B", ("Ascend-910B",)),
        ("Google TPU v5e", ("TPU-v5e",)),
        ("AWS Trainium", ("Trainium1", "Trainium2")),
        ("Jetson AGX Orin 32GB", ("Jetson-AGX-Orin-32GB",)),
    ],
)
def test_known_names(text: str, names: tuple[str, ...]) -> None:
    assert resolve_gpus(text) == names


@given(st.sampled_from(OWN_TEXTS), st.data())
def test_names_and_aliases_resolve_whatever_the_case_and_the_separators(
    own: tuple[str, str], data: st.DataObject
) -> None:
    text, name = own
    letters = [data.draw(st.sampled_from((c.lower(), c.upper()))) for c in text if c not in " -_"]
    separators = [data.draw(st.sampled_from(("", "", " ", "-", "_"))) for _ in letters]
    vendors = ("", " ") if normalise(text) != normalise(f"nvidia{text}") else ("", "nvidia-", "NVIDIA ", " ")
    vendor = data.draw(st.sampled_from(vendors))  # a text that names its vendor does not bear it twice
    mangled = vendor + "".join(a + b for a, b in zip(letters, separators, strict=True))
    assert resolve_gpus(mangled) == (name,)


@given(st.sampled_from(FAMILIES), st.booleans())
def test_a_family_is_all_its_variants(family: str, upper: bool) -> None:
    members = tuple(sorted(model.name for model in MODELS if family in model.families))
    assert resolve_gpus(family.upper() if upper else family.lower()) == members


@given(st.text())
def test_any_text_resolves_or_is_refused(text: str) -> None:
    try:
        assert set(resolve_gpus(text)) <= set(accelerators())
    except CatalogueError as error:
        assert error.field == "gpu"
        assert error.value == text


@pytest.mark.parametrize(("text", "expected"), [("H10O", "H100"), ("A100-80BG", "A100-80GB"), ("RTX 4091", "RTX-4090")])
def test_a_mistyped_name_gets_close_matches(text: str, expected: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        resolve_gpus(text)
    assert expected in caught.value.suggestions
    assert repr(text) in str(caught.value)
    assert f"Close matches: {caught.value.suggestions[0]}" in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "nvidia", "A1", "L4S", "RTX 6000", "GB20", "V100-64GB", "910B4"])
def test_a_gpu_that_is_not_catalogued_is_not_taken_for_another(text: str) -> None:
    with pytest.raises(CatalogueError, match="no such GPU"):
        resolve_gpus(text)


def test_normalise() -> None:
    assert normalise(" NVIDIA A100-SXM4_80GB\t") == "a100sxm480gb"


def test_the_error_survives_pickling() -> None:
    error = CatalogueError("gpu", "H10O", "no.", ("H100",))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.field, copy.value, copy.message, copy.suggestions) == ("gpu", "H10O", "no.", ("H100",))
    assert str(copy) == "no. Close matches: H100."
