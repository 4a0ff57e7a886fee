"""The page for the person who signs, from answers of the solver and from samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import gpuplan
from gpuplan.cli import cli
from gpuplan.report import markdown
from gpuplan.report.no_flags import without_flags
from gpuplan.report.quote_frame import CERTAINTY, PRICES
from gpuplan.report.trades import trades
from gpuplan.result import CurrencyAnswer, PlanAnswer, Result
from gpuplan.solve import solve
from gpuplan_hardware import Offer, offers
from report_samples import answer, buying, commitment, failed, infeasible, plan, relaxation, rule

TODAY = date(2026, 11, 21)
JOB: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "10MB", "deadline": "24h"}
FLAGS = [word for name, value in JOB.items() for word in (f"--{name}", value)]
P4D = next(offer for offer in offers() if offer.id == "aws/p4d.24xlarge/us-east-1/on-demand")


@pytest.fixture(autouse=True, scope="module")
def _today() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for place in ("answer", "caveats", "report.quote_frame"):
            patch.setattr(f"gpuplan.{place}.today", lambda: TODAY)
        yield


def headings(page: str) -> list[str]:
    return [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]


def row(page: str, label: str) -> str:
    """The second cell of the row that begins with `label`."""
    (found,) = [line for line in page.splitlines() if line.startswith(f"| {label} |")]
    return found.split(" | ", 1)[1].removesuffix(" |")


def in_order(page: str, *words: str) -> None:
    """Every one of `words` is on the page, each after the one before."""
    place = 0
    for word in words:
        assert word in page[place:], f"{word!r} is not where it should be on\n{page}"
        place = page.index(word, place) + len(word)


ORDER = [
    "What it costs",
    "What is ordered",
    "What to ask for first",
    "Commitment",
    "Alternatives",
    "What it rests on",
    "Warnings",
    "Proof",
]


# -- answers of the solver -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def spot() -> Result:
    """Two trials on eight A100 that may be taken back, which are also sold otherwise."""
    provider = replace(P4D.provider, spot_interruptions_per_node_hour=None)

    def sold(pricing: Any, price: float) -> Offer:
        offer_id = P4D.id.replace("on-demand", pricing)
        plain = replace(P4D, id=offer_id, provider=provider, pricing=pricing, price_usd_per_hour=price)
        return replace(plain, as_of=date(2026, 11, 1), source="our list", also_in=("us-west-2",))

    known = [sold("on-demand", 22.0), sold("spot", 8.0), sold("reserved-1y", 13.2), sold("capacity-block", 11.0)]
    words = {"pricing": ["spot"], "trials": 2, "contingency": "20%", "currency": "CNY=7.00", "egress": "result"}
    return solve(JOB | words, known)


def test_a_plan_on_spot_nodes(spot: Result) -> None:
    page = gpuplan.quote(spot)
    assert spot.plan is not None
    p, (budget,) = spot.plan.prediction, [one.required for one in spot.rules if one.rule == "budget"]
    assert headings(page) == ORDER
    assert page.startswith(
        "# Quote: LoRA of deepseek-r1-distill-qwen-1.5b on 2.5 M tokens\n\n"
        "2026-11-21, gpuplan 0.1.0; newest price 2026-11-01\n\n**Please approve $"
    )
    approved = float(re.findall(r"approve \$([\d.]+)\*\* for 8 x A100-40GB-SXM \(1 x aws p4d.24xlarge", page)[0])
    assert budget <= approved < budget + 0.01 and approved > p.cost_usd
    in_order(
        page,
        f"| expected | ${p.cost_usd:.2f}; 90% of runs between $",
        ", 5% above",
        "enough with 90% confidence: 90% of runs cost no more; with 2 trials, one after the other and ",
        "of contingency",
        f"| in your currency | CNY {7 * p.cost_usd:.2f} expected, CNY {7 * budget:.2f} to approve, at 7.00 per USD, your rate |",
        "| how it comes about | 2 trials, one after the other on one cluster, which is set up once; the contingency makes every "
        "trial 20% longer, not the setting up: ",
        "chance to keep the deadline, 24 h from the order",
        "| nodes | 1 x p4d.24xlarge with 8 A100-40GB-SXM GPUs |",
        "| from | aws, us-east-1 |",
        "| also in | us-west-2, at the same price |",
        "| pricing | spot |",
        "| price | $8.00 per node and hour, $1.00 per GPU |",
        "| price of | 2026-11-01, 20 days old: our list |",
        "| billed | for 1 min at least, in steps of 1 s |",
        "- 96 vCPUs of ",
        "- How soon: self-service",
        "None: nothing is owed after the job. Terms that the provider also has:",
        "| capacity block, 1 day | $11.00 | 2026-11-01 | $264 | 50% use | ",
        "| reserved, 1 year | $13.20 | 2026-11-01 | $115,632 | 60% use | ",
        "- **Prices**: ",
        "once in 20.0 h of use (assumed, as nobody says)",
        "- **Job**: LoRA rank 16",
        "- **Certainty**: deadline, budget and memory hold with 90% confidence",
        "stops are to be expected in all",
        "Asked for only: pricing spot. What lies outside was not looked at.",
        "Proved cheapest",
        "Gap 0%. Searched: 4 offers; ",
        "ortools ",
        "Approved by: ____",
    )
    assert 45 <= len(page.splitlines()) <= 90


def test_every_assumption_and_warning_is_on_the_page_once(spot: Result) -> None:
    page = gpuplan.quote(spot)
    for said in (*spot.assumptions, *spot.warnings):
        assert page.count(markdown.escaped(without_flags(said))) == 1 or said in ("1 epoch",), said
    assert not re.search(r"--[a-z]", page)


@pytest.fixture(scope="module")
def owned() -> Result:
    return solve(JOB | {"pricing": ["owned"]})


def test_a_plan_on_machines_of_ones_own(owned: Result) -> None:
    page = gpuplan.quote(owned)
    assert headings(page) == ORDER
    in_order(
        page,
        "**Please approve $",
        ": the share of this job in machines that cost **$",
        " to buy** where they are not there yet.",
        "| of the expected | share of owning the nodes $",
        "| from | machines of your own, which have to be bought where they are not there |",
        "| pricing | owned |",
        "maintenance 10% of the purchase a year",
        "| to buy | $",
        " days old; switches and upkeep are beside it",
        "of your own: they have to be free; nobody else is asked",
        "- How soon: at once where the machines are there; buying them takes longer",
        "The purchase, $",
        "| plan | cost | time | what it trades | price of |",
        "- nobody said that machines like ",
    )
    assert "rent of nodes" not in page and not re.search(r"--[a-z]|gpuplan offers", page)
    assert "| billed |" not in page and "in your currency" not in page
    assert page[page.index("## Alternatives") : page.index("## What it rests")].count("dearer") == 3


def test_nothing_fits() -> None:
    result = solve(JOB | {"budget": "$0.05"})
    page = gpuplan.quote(result)
    assert headings(page) == ["What would help", "What it rests on", "Warnings", "Proof"]
    in_order(
        page,
        "# No order: LoRA of deepseek-r1-distill-qwen-1.5b on 2.5 M tokens\n\n2026-11-21, gpuplan 0.1.0",
        "**No plan: the budget of $0.05 alone rules out every cluster; proved.**",
        "| limit | from | to | buys | time | cost | on |",
        "| budget | $0.05 | $",
        "This change is enough",
    )
    assert "approve" not in page.lower() and "->" not in page


def test_methods_left_open_are_a_choice_first() -> None:
    page = gpuplan.quote(solve({name: value for name, value in JOB.items() if name != "method"}))
    assert page.startswith("# No order: full fine-tuning, LoRA, QLoRA of deepseek-r1-distill-qwen-1.5b")
    assert [line.split(" | ")[0] for line in page.splitlines() if " in bf16 | " in line] == [
        "| full fine-tuning in bf16",
        "| LoRA in bf16",
        "| QLoRA in bf16",
    ]
    assert "Choose a method and a precision first" in page and "approve" not in page.lower()


# -- samples ---------------------------------------------------------------------------------------------------------------
def offered(**changes: Any) -> PlanAnswer:
    return plan().model_copy(update={"offer": plan().offer.model_copy(update=changes)})


def test_what_is_reserved_names_the_whole_commitment() -> None:
    whole = commitment(chosen=True)
    rules = [rule("budget", "cost", 160.2, None, "USD", satisfied=True)]
    result = answer(plan=offered(pricing="reserved-1y"), buying=buying(commitments=[whole]), rules=rules)
    page = gpuplan.quote(result)
    assert (
        "**Please approve $161** for 8 x H100-SXM (1 x nebius gpu-8 in eu-north1, reserved for a year): the share"
        in page
    )
    assert "in a commitment that costs **$124,042 in all** where it is not there yet." in page
    assert "| reserved, 1 year | $14.16 | 2026-11-01 | $124,042 | 60% use | 0.03% | this plan |" in page
    assert "nothing is owed" not in page


def test_the_budget_and_where_the_deadline_counts_from() -> None:
    limits = answer().limits.model_copy(update={"budget_usd": 500.0, "deadline_from": "start"})
    page = gpuplan.quote(answer(limits=limits, parallel=2, trials=2))
    assert row(page, "budget") == "$500"
    assert row(page, "on time") == "97% chance to keep the deadline, 24 h from the moment the nodes are up"
    assert row(page, "nodes") == "2 clusters, each 1 x gpu-8 with 8 H100-SXM GPUs"
    assert "for 2 clusters of 8 x H100-SXM" in page


def test_at_most_three_alternatives() -> None:
    page = gpuplan.quote(answer(alternatives=[plan(f"GPU-{number}") for number in range(6)]))
    assert page.count("| 8 x GPU-") == 3
    assert "No plan on other GPUs was found" in gpuplan.quote(answer(alternatives=[]))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (plan("H200-SXM", 2.5, 152.9), "$13.90 dearer (+10%), 18.0 min faster (-11%)"),
        (plan("L4", 2.8, 139.1, measured=False), "same cost, same time, less certain (extrapolated)"),
        (plan(usd=100.0).model_copy(update={"gpus": 9}), "$39.00 cheaper (-28%), same time, 1 more GPU"),
        (plan().model_copy(update={"gpus": 4}), "same cost, same time, 4 fewer GPUs"),
        (offered(provider="aws", region="us-east-1"), "same cost, same time, from aws"),
        (offered(region="eu-west1"), "same cost, same time, in eu-west1"),
        (offered(pricing="spot"), "same cost, same time, spot instead of on demand"),
        (offered(lead_time="contract"), "same cost, same time, by contract"),
    ],
)
def test_what_an_alternative_trades(other: PlanAnswer, said: str) -> None:
    assert trades(plan(), other).replace("\u00a0", " ") == said


def test_what_an_uncertain_plan_gains() -> None:
    assert trades(plan(measured=False), plan()).endswith("more certain (measured)")


def test_a_plan_that_is_not_proved_says_so() -> None:
    page = gpuplan.quote(answer(status="feasible", solver=answer().solver.model_copy(update={"gap": 0.07})))
    assert "Not proved cheapest, at most 7.0% off: the time limit ended the search; not reproducible." in page
    nothing = gpuplan.quote(answer(status="unknown", plan=None, rules=[], alternatives=[]))
    assert nothing.startswith("# No order: ") and "No answer within the time limit" in nothing


def test_a_check_that_fails_is_no_order() -> None:
    memory = rule("memory", "memory of the worst GPU", 127 * 2.0**30, 79 * 2.0**30, "bytes")
    page = gpuplan.quote(failed(memory, fits=False, finishes=False))
    assert headings(page)[0] == "What fails" and "What would help" not in page
    assert "- memory of the worst GPU 127 GiB, but the limit is 79.0 GiB (48.0 GiB too much)" in page


def test_no_change_helps_alone() -> None:
    page = gpuplan.quote(infeasible(["budget"], []))
    assert "No change of a single limit is enough" in page
    several = [relaxation("deadline", 2.0, 3.141, "hours"), relaxation("max_gpus", 4, 8, "GPUs")]
    assert "| deadline | 2 h | 3.2 h | 8 x H100-SXM |" in gpuplan.quote(infeasible(["deadline", "max_gpus"], several))


def test_words_of_the_user_are_no_markup() -> None:
    hostile = offered(source="a|b <img src=x> [x](http://e) *_y_* `z`\n# head & ~c~", node="n_1|2")
    page = gpuplan.quote(answer(plan=hostile, model="m_1 <b>", assumptions=["|"], warnings=["- # *"]))
    assert page.startswith("# Quote: LoRA of m_1 \\<b\\> on 250 M tokens\n")
    assert (
        row(page, "price of") == "2025-08-01, 476 days old: a\\|b \\<img src=x\\> "
        "\\[x\\](http://e) \\*\\_y\\_\\* \\`z\\` # head \\& \\~c\\~"
    )
    for line in page.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 6), line
    assert "- \\- # \\*" in page


@given(st.text(st.sampled_from("ab_*`[]()<>|~&\\\\#+=-.1 !$:\"'/"), min_size=1, max_size=40))
def test_escaped_words_are_read_as_they_were_written(words: str) -> None:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    written = " ".join(words.split())
    page = "\n".join([*markdown.bullets([written]), *markdown.table(("a", "b"), [(written, "x")])])
    inline = [token for token in reader.parse(page) if token.type == "inline"]
    read = ["".join(child.content for child in token.children or ()) for token in inline]
    assert read == ([written] if written else []) + ["a", "b", written, "x"]


def test_a_currency_of_the_catalogue() -> None:
    second = CurrencyAnswer(code="CNY", per_usd=6.8, source="a bank", as_of="2026-05-08", cost=945.2)
    page = gpuplan.quote(answer(currency=second))
    assert row(page, "in your currency") == "CNY 945 expected, CNY 1,088 to approve, at 6.80 per USD of 2026-05-08"


def test_groups_of_assumptions_have_no_word_in_common() -> None:
    assert not set(CERTAINTY) & set(PRICES)


# -- the command line ------------------------------------------------------------------------------------------------------
def test_the_page_is_written_beside_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "quote.md"
    path.write_text("old")
    ended = CliRunner().invoke(cli, ["solve", *FLAGS, "--format", "json", "--quote", str(path)])
    assert ended.exit_code == 0
    result = Result.model_validate(json.loads(ended.output))
    assert path.read_text() == gpuplan.quote(result)
    assert [file.name for file in tmp_path.iterdir()] == ["quote.md"]


def test_the_page_of_what_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "quote.md"
    ended = CliRunner().invoke(cli, ["solve", *FLAGS, "--budget", "$0.05", "--quote", str(path)])
    assert ended.exit_code == 3
    assert ended.output.startswith("No plan: ")
    assert path.read_text().startswith("# No order: ")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", "error: quote: '.' is a folder; give the path of a file"),
        ("", "error: quote: '' is a folder; give the path of a file"),
        (
            "missing/q.md",
            "error: quote: 'missing/q.md' is in a folder that does not exist; make it, or give another path",
        ),
        ("answer.txt", "error: quote: 'answer.txt' is the file of --out; give another path"),
        ("job.yaml", "error: quote: 'job.yaml' is the file that is read; give another path"),
        (
            "q.pdf",
            "error: quote: 'q.pdf': the page is Markdown; its name must end in .md, .markdown or .txt, or have no ending",
        ),
        ("q" * 300, "error: quote: cannot write '" + "q" * 300 + "': File name too long; give another path"),
    ],
)
def test_a_path_that_cannot_be_written(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = "".join(f"{name}: {value}\n" for name, value in JOB.items())
    Path("job.yaml").write_text(job)
    flags = ["solve", "--job", "job.yaml", "--alternatives", "0", "--out", "answer.txt", "--quote", path]
    ended = CliRunner().invoke(cli, flags)
    assert (ended.exit_code, ended.stderr.strip()) == (2, message)
    assert Path("job.yaml").read_text() == job
    assert Path("answer.txt").exists() is (len(path) == 300)  # what only writing shows does not cost the answer


def test_check_has_no_quote() -> None:
    ended = CliRunner().invoke(cli, ["check", *FLAGS, "--quote", "q.md"])
    assert ended.exit_code == 2 and "--quote is no option of gpuplan check" in ended.stderr
