"""The curves of a sweep: one for each method and precision that is left open, and for each set of words of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpuplan.errors import InputError, shown
from gpuplan.fields import BY_NAME
from gpuplan.job import Job, JobSpec, make_spec, resolve, resolve_all
from gpuplan.job.choices import Choice, narrowed, read_choices
from gpuplan.sweeping.family import family
from gpuplan_hardware import Offer

#: Stands for an amount of data that is yet to be found.
SOME_TOKENS = "1M"
#: Fields that say how much data there is, one in place of the others.
SIZES = ("data", "tokens", "samples")


@dataclass(frozen=True)
class Curve:
    """A job that is varied, its name, the words that it has of its own, and all its words (None: it was given resolved)."""

    label: str
    words: dict[str, str]
    job: Job
    spec: JobSpec | None

    def with_field(self, field: str, text: str, offers: Sequence[Offer] | None) -> Job:
        """The job with another value of a field.

        Raises
        ------
        InputError
            The value cannot be used.
        """
        return resolve(self.spec_with(field, text), offers)

    def spec_with(self, field: str, text: str) -> JobSpec:
        """The words with another value of a field.

        Raises
        ------
        InputError
            The job was given resolved.
        """
        if self.spec is None:
            raise InputError(field, text, "cannot be varied in a job that is resolved already; give the job's fields")
        return self.spec.model_copy(update=instead(field, text))


def instead(field: str, text: str) -> dict[str, str | None]:
    """The value of a field that is varied, in place of what a job says of it."""
    return {name: None for name in SIZES if field in SIZES} | {field: text}


def curves(
    spec: Job | JobSpec | Mapping[str, Any],
    series: Sequence[str | Mapping[str, Any]] | str | Mapping[str, Any],
    varied: Mapping[str, str],
    offers: Sequence[Offer] | None,
    maximize: str | None = None,
) -> list[Curve]:
    """The curves of a question; `varied` is a first value of what is varied, for jobs that would not be whole without it.

    Where tokens are to be maximised, the amount of data need not be said; where the model is, it may be a family (see
    `gpuplan.sweeping.family`).

    Raises
    ------
    InputError
        A series that cannot be read, or a field that cannot be used.
    """
    series = [series] if isinstance(series, str | Mapping) else series
    if isinstance(spec, Job):
        if series:
            raise InputError("series", shown(series[0]), "needs the job's fields; this one is resolved already")
        return [Curve("", {}, spec, None)]
    base = spec if isinstance(spec, JobSpec) else make_spec(dict(spec))
    own = [_read(one) for one in series] or [("", {})]
    every = [(label, words, _whole(base, words, maximize)) for label, words in own]
    found = [curve for label, words, whole in every for curve in _curves(label, words, whole, varied, offers, maximize)]
    if len(found) == 1:
        return [Curve("", found[0].words, found[0].job, found[0].spec)]
    labels = [curve.label for curve in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise InputError(
            "series", twice, f"{twice!r} is there twice; put another name in front, such as 'again: {twice}'"
        )
    return found


def _whole(base: JobSpec, own: Mapping[str, Any], maximize: str | None) -> JobSpec:
    """All words of a curve."""
    words = make_spec({**base.model_dump(exclude_defaults=True), **own})
    if maximize == "tokens" and words.data is None and words.tokens is None and words.samples is None:
        return words.model_copy(update={"tokens": SOME_TOKENS})
    return words


def _curves(
    label: str,
    own: Mapping[str, Any],
    words: JobSpec,
    varied: Mapping[str, str],
    offers: Sequence[Offer] | None,
    maximize: str | None,
) -> list[Curve]:
    """A curve for each method and precision that the words allow."""
    for name, text in varied.items():
        if any(own.get(field) is not None for field in instead(name, text)):
            raise InputError("series", label, f"{BY_NAME[name].flag} is what is varied; leave it out of {label!r}")
    whole = words.model_copy(update={k: v for name, text in varied.items() for k, v in instead(name, text).items()})
    if maximize == "model" and words.model is not None and len(models := family(str(words.model))) > 1:
        whole = whole.model_copy(update={"model": models[-1].name})
    choices = read_choices(whole)
    jobs = resolve_all(whole, offers)
    found = []
    for job in jobs:
        choice = Choice(job.method.name, job.precision)
        spec = narrowed(words, choice, choices) if len(choices) > 1 else words
        several = {"method": job.method.name} if len({one.method for one in choices}) > 1 else {}
        several |= {"precision": job.precision} if len({one.precision for one in choices}) > 1 else {}
        name = ", ".join(part for part in (label, " in ".join(several.values())) if part)
        texts = {field: value if isinstance(value, str) else ",".join(map(str, value)) for field, value in own.items()}
        found.append(Curve(name, texts | several, job, spec))
    return found


def _read(series: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and words of a series: "field=value; field=value", with "name: " in front or not."""
    if isinstance(series, Mapping):
        words = dict(series)
        label = str(words.pop("label", "") or ", ".join(f"{value}" for value in words.values()))
        return label, words
    label, _, rest = series.partition(":") if ":" in series.partition("=")[0] else ("", "", series)
    words = {}
    for part in filter(str.strip, rest.split(";")):
        name, equals, value = part.partition("=")
        field = name.strip().lower().removeprefix("--").replace("-", "_")
        if not equals or not value.strip():
            right = "write field=value, several with ';' between them, such as 'method=lora; precision=fp8'"
            raise InputError("series", series, f"{shown(series)!r}: {shown(part.strip())!r} has no value; {right}")
        known = BY_NAME.get(field)
        words[field] = value.strip() if known is None or known.kind != "switch" else _switch(series, value)
    if not words:
        raise InputError("series", series, f"{shown(series)!r} is empty; write field=value, such as method=lora")
    return label.strip() or ", ".join(str(value) for value in words.values()), words


def _switch(series: str, value: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if value.strip().lower() not in words:
        raise InputError("series", series, f"{shown(value.strip())!r} is neither yes nor no")
    return words[value.strip().lower()]
