"""Method and precision: one of each, or several of which every one gets an answer of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpuplan.errors import InputError, choose, shown
from gpuplan.job.gpus import some
from gpuplan_models import methods

if TYPE_CHECKING:
    from gpuplan.job.spec import JobSpec

ANY = "any"
PRECISIONS = ("bf16", "fp16", "fp8")
DEFAULT_PRECISION = "bf16"
#: What "any" precision stands for: fp16 needs loss scaling and is for GPUs without bf16, so it is looked at where it is named.
ANY_PRECISION = ("bf16", "fp8")
#: Fields that mean nothing to a method that trains everything.
OF_ADAPTERS = ("lora_rank", "lora_targets", "weights")


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and a compute precision, by their names."""

    method: str
    precision: str

    def __str__(self) -> str:
        return f"{self.method} in {self.precision}"


def read_choices(spec: JobSpec) -> list[Choice]:
    """Every combination that the user's words allow, plain ones first; QLoRA goes with 16-bit compute only, unless it is alone.

    Raises
    ------
    InputError
        An unknown name, or an empty list.
    """
    chosen = _names("method", spec.method, methods(), tuple(methods()))
    precisions = _names("precision", spec.precision, PRECISIONS, (DEFAULT_PRECISION,), ANY_PRECISION)
    every = [Choice(method, precision) for method in chosen for precision in precisions]
    return [choice for choice in every if not _senseless(choice)] or every


def _senseless(choice: Choice) -> bool:
    """Whether nobody would run it: NF4 weights are unpacked to 16 bits for every product, and fp8 would round them again."""
    return choice.method == "qlora" and choice.precision == "fp8"


def senseless(spec: JobSpec, choices: Iterable[Choice]) -> list[str]:
    """A sentence for what the words would allow and `read_choices` leaves out."""
    both = "fp8" in _names("precision", spec.precision, PRECISIONS, (DEFAULT_PRECISION,), ANY_PRECISION)
    methods_asked = {choice.method for choice in choices}
    unless_alone = both and "qlora" in methods_asked and Choice("qlora", "fp8") not in choices
    return ["qlora in fp8 left out: NF4 weights are unpacked to 16 bits for every product"] if unless_alone else []


def _names(
    field: str,
    words: tuple[str, ...] | None,
    known: Iterable[str],
    default: tuple[str, ...],
    any_of: tuple[str, ...] | None = None,
) -> tuple[str, ...]:
    """Names that a list of words stands for, in the order of the catalogue."""
    names = tuple(known)
    if words is None:
        return default
    found: set[str] = set()
    for word in some(field, words):
        whole = word.strip().lower() == ANY
        found.update((any_of or names) if whole else (choose(field, word, (*names, ANY)),))
    return tuple(name for name in names if name in found)


def narrowed(spec: JobSpec, choice: Choice, others: Iterable[Choice]) -> JobSpec:
    """The user's words for one choice of several: what is said of adapters is left out where there are none.

    A default precision stays a default, so that it is said to be one.
    """
    trains_all = methods()[choice.method].trains == "all"
    adapted = any(methods()[other.method].trains == "adapters" for other in others)
    changes: dict[str, object] = {"method": (choice.method,)}
    if spec.precision is not None:
        changes["precision"] = (choice.precision,)
    if trains_all and adapted:
        changes |= dict.fromkeys(OF_ADAPTERS)
    return spec.model_copy(update=changes)


def the_choice(spec: JobSpec) -> Choice:
    """The one method and precision of a question that takes one.

    Raises
    ------
    InputError
        If several are left open.
    """
    choices = read_choices(spec)
    if len(choices) == 1:
        return choices[0]
    field = "method" if len({choice.method for choice in choices}) > 1 else "precision"
    names = tuple(dict.fromkeys(getattr(choice, field) for choice in choices))
    given = getattr(spec, field)
    if given is None:
        message = f"is missing; give --{field} (or '{field}:' in the job file): {', '.join(names[:-1])} or {names[-1]}"
        raise InputError(field, "", message)
    value = ",".join(given)
    raise InputError(field, value, f"{shown(value)!r} stands for several here; give one of {', '.join(names)}")
