"""From the user's words to a job that the solver can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpuplan.errors import InputError, choose, shown
from gpuplan.job.batch import global_batches
from gpuplan.job.calibration import read_calibration
from gpuplan.job.choices import Choice, narrowed, read_choices, senseless, the_choice
from gpuplan.job.data_size import samples, token_count
from gpuplan.job.gpus import some
from gpuplan.job.limits import read_catalogue, read_limits
from gpuplan.job.makers import check_makers
from gpuplan.job.market import market_of
from gpuplan.job.money import read_currency, read_discounts, read_egress, read_interruptions, read_price_age
from gpuplan.job.pins import check_pins, read_pins, with_offer
from gpuplan.job.reader import Reader
from gpuplan.job.spec import JobSpec, make_spec
from gpuplan.job.training import read_sequence_length, read_training
from gpuplan.job.types import Job, Search, TokenCount
from gpuplan.units import format_percent, parse_days, parse_decimal, parse_duration, parse_fraction, parse_whole
from gpuplan_hardware import Offer

OBJECTIVES = ("cost", "gpus", "time")
"""What can be minimised, and the order in which ties are broken."""
MOST_OBJECTIVES = 2
ALTERNATIVES_BY = ("gpu", "provider", "layout")
CONFIDENCE = 0.9
MAX_EPOCHS = 10_000.0
MAX_TRIALS = 100_000
MAX_TOKENS_IN_ALL = 1e17
"""Tokens of all epochs and trials; the largest that one epoch may have, a few times."""
MAX_ALTERNATIVES = 20
MAX_WORKERS = 1_024
MAX_SEED = 2**31 - 1


def resolve(spec: Job | JobSpec | Mapping[str, Any], offers: Sequence[Offer] | None = None) -> Job:
    """Make a job of the user's words: names looked up, units read, defaults taken and written down.

    Parameters
    ----------
    spec
        The fields of `gpuplan.fields`, as a `JobSpec` or a mapping; a job that is resolved already is returned as it is.
    offers
        The offers that the job will be solved over, when they are not the built-in ones or those of ``spec.offers``:
        providers, regions and offers are then looked up among them.

    Returns
    -------
    Job
        With a sentence in `assumptions` for each default.

    Raises
    ------
    InputError
        The first field that cannot be used; method and precision must be one each (see `resolve_all`).
    """
    if isinstance(spec, Job):
        return spec
    words = _spec_of(spec)
    return _resolve(words, the_choice(words), offers, _Counted())


def resolve_all(spec: Job | JobSpec | Mapping[str, Any], offers: Sequence[Offer] | None = None) -> list[Job]:
    """Make a job of each method and precision that the user's words allow; parameters and errors like those of `resolve`.

    What cannot be (a framework that does not run a method, say) is left out, with a sentence in the `assumptions` of the others;
    where nothing can be, the first reason is raised.
    """
    if isinstance(spec, Job):
        return [spec]
    words = _spec_of(spec)
    choices = read_choices(words)
    if len(choices) == 1:
        return [_resolve(words, choices[0], offers, _Counted())]
    counted, jobs, errors = _Counted(), [], {}
    for choice in choices:
        try:
            jobs.append(_resolve(narrowed(words, choice, choices), choice, offers, counted))
        except InputError as error:
            errors[choice] = error
    if not jobs:
        raise next(iter(errors.values()))
    left_out = [f"{choice} left out: {error.message.rstrip('.')}" for choice, error in errors.items()]
    return [_one_of_several(job, words, (*left_out, *senseless(words, choices))) for job in jobs]


def _one_of_several(job: Job, words: JobSpec, left_out: tuple[str, ...]) -> Job:
    """Say what was left out; and show no neighbours of each plan unless they are asked for, as the plans are neighbours already."""
    alternatives = job.search.alternatives if words.alternatives is not None else 0
    search = replace(job.search, alternatives=alternatives)
    return replace(job, assumptions=(*job.assumptions, *left_out), search=search)


@dataclass
class _Counted:
    """The tokens of an epoch and what is assumed of them, counted once for all choices: text on disk is read for it."""

    tokens: TokenCount | None = None
    sentences: Sequence[str] = ()

    def of(self, reader: Reader, count: Callable[[], TokenCount]) -> TokenCount:
        if self.tokens is None:
            before = len(reader.assumptions)
            self.tokens = count()
            self.sentences = reader.assumptions[before:]
        else:
            reader.assumptions.extend(self.sentences)
        return self.tokens


def _resolve(words: JobSpec, choice: Choice, offers: Sequence[Offer] | None, counted: _Counted) -> Job:
    """The job of one method and precision."""
    reader = Reader(words)
    training = read_training(reader, choice)
    length = read_sequence_length(reader, training.architecture)
    packing = reader.default("packing", _share_above_zero, 1.0, "sequences packed full")
    tokens = counted.of(reader, lambda: token_count(reader, training.architecture, length, packing))
    catalogue = read_catalogue(reader)
    market = market_of(catalogue, offers)
    trials, parallel = _trials(reader)
    objectives = _objectives(reader)
    job = Job(
        architecture=training.architecture,
        method=training.method,
        precision=training.precision,
        weights=training.weights,
        tokens=tokens,
        lora_rank=training.lora_rank,
        lora_targets=training.lora_targets,
        optimizer=training.optimizer,
        framework=training.framework,
        epochs=reader.default(
            "epochs", lambda name, value: parse_decimal(name, value, 0.0, MAX_EPOCHS), 1.0, "1 epoch"
        ),
        sequence_length=length,
        packing_efficiency=packing,
        samples=samples(reader) or None,
        global_batches=global_batches(reader, tokens.tokens),
        trials=trials,
        parallel=parallel,
        contingency=reader.default("contingency", parse_fraction, 0.0, "no contingency"),
        evaluation_share=reader.default("evaluation_share", parse_fraction, 0.0, "no time for evaluations"),
        confidence=read_confidence(reader),
        objectives=(*objectives, *(name for name in OBJECTIVES if name not in objectives)),
        checkpoint_days=reader.default("keep_checkpoints", parse_days, 0.0),
        egress=read_egress(reader),
        spot_interruptions_per_node_hour=read_interruptions(reader),
        limits=read_limits(reader, market, offers is not None or catalogue.offers_path is not None, objectives),
        pins=read_pins(reader, training.framework, market),
        catalogue=replace(
            catalogue, discounts=read_discounts(reader, market), max_price_age_days=read_price_age(reader)
        ),
        currency=read_currency(reader),
        search=read_search(reader),
        calibration=read_calibration(reader),
    )
    _check_total(job, reader)
    check_pins(job)
    check_makers(job, market.sample)
    job = with_offer(job, reader, market)
    return _with_assumptions(job, reader)


def _spec_of(words: object) -> JobSpec:
    """The user's words as a spec; callers from Python may hand over anything."""
    if isinstance(words, JobSpec):
        return words
    if isinstance(words, Mapping):
        return make_spec(words)
    message = f"cannot use {shown(repr(words))} (of type {type(words).__name__}); give a mapping, a JobSpec or a Job"
    raise InputError("job", words, message)


def _with_assumptions(job: Job, reader: Reader) -> Job:
    """Add what is assumed of every job, and the sentences that the reader has collected."""
    reader.assume(
        f"{job.startup_seconds / 60:g} minutes from when the nodes are granted to the first step, besides loading the weights"
    )
    reader.assume(f"weights loaded at {job.weights_bytes_per_second / 1e9:g} GB/s per node")
    reader.assume(f"a checkpoint every {job.checkpoint_interval_seconds / 60:g} minutes")
    return replace(job, assumptions=tuple(reader.assumptions))


def _check_total(job: Job, reader: Reader) -> None:
    """Refuse what epochs and trials multiply the tokens to, where no machine and no arithmetic reaches."""
    total = job.tokens.high * job.epochs * job.trials
    if total > MAX_TOKENS_IN_ALL:
        name = "epochs" if job.epochs >= job.trials else "trials"
        message = (
            f"{job.tokens.high:.3g} tokens x {job.epochs:g} epochs x {job.trials} trials are {total:.3g} tokens; give less, "
            f"{MAX_TOKENS_IN_ALL:g} at most"
        )
        raise InputError(name, getattr(reader.spec, name), message)


def _share_above_zero(name: str, value: object) -> float:
    """Share that cannot be nothing; a hundredth is the least that makes sense of padding."""
    return parse_fraction(name, value, 0.01, 1.0)


def _trials(reader: Reader) -> tuple[int, int]:
    """Trials and how many of them run together."""
    trials = reader.default("trials", lambda name, value: parse_whole(name, value, 1, MAX_TRIALS), 1)
    sentence = "trials run one after the other" if trials > 1 else ""
    parallel = reader.default("parallel", lambda name, value: parse_whole(name, value, 1, MAX_TRIALS), 1, sentence)
    if parallel > trials:
        message = (
            f"{parallel} trials cannot run together when there are {trials}; give at most {trials}, or more trials"
        )
        raise InputError("parallel", reader.spec.parallel, message, (str(trials),))
    return trials, parallel


def read_confidence(reader: Reader) -> float | None:
    """Chance with which each limit must hold, None for the point estimate."""
    word = reader.spec.confidence
    if word is None:
        reader.assume(f"deadline, budget and memory hold with {format_percent(CONFIDENCE)} confidence")
        return CONFIDENCE
    if str(word).strip().lower() == "point":
        return None
    try:
        return parse_fraction("confidence", word, 0.5, 1.0, exclusive=True)
    except InputError:
        message = f"{shown(word)!r} must be above 0.5 and below 1, such as 0.9 or 90%, or the word point"
        raise InputError("confidence", word, message) from None


def _objectives(reader: Reader) -> tuple[str, ...]:
    """What is minimised, and what decides among equals where the user says so.

    Raises
    ------
    InputError
        No goal, an unknown one, one twice, or more than two.
    """
    words = reader.spec.minimize
    if words is None:
        return ("cost",)
    named = tuple(choose("minimize", word, OBJECTIVES) for word in some("minimize", words))
    given = ",".join(words)
    if len(set(named)) < len(named):
        raise InputError("minimize", given, f"{shown(given)!r} names {named[0]} twice; name each once")
    if len(named) > MOST_OBJECTIVES:
        message = f"{shown(given)!r} names more than two goals; what is left decides among equals anyway"
        raise InputError("minimize", given, message, (",".join(named[:MOST_OBJECTIVES]),))
    return named


def read_search(reader: Reader) -> Search:
    """How the search runs."""
    default = Search()
    return Search(
        alternatives=reader.default(
            "alternatives", lambda n, v: parse_whole(n, v, 0, MAX_ALTERNATIVES), default.alternatives
        ),
        alternatives_by=reader.default(
            "alternatives_by", lambda n, v: choose(n, v, ALTERNATIVES_BY), default.alternatives_by
        ),
        time_limit_seconds=reader.default("time_limit", parse_duration, default.time_limit_seconds),
        workers=reader.default("workers", lambda n, v: parse_whole(n, v, 0, MAX_WORKERS), default.workers),
        seed=reader.default("seed", lambda n, v: parse_whole(n, v, 0, MAX_SEED), default.seed),
    )
