from __future__ import annotations

from typing import Any

import pytest

from report_samples import GIB, answer, failed, infeasible, line_with, plan, relaxation, rule, text, unwrapped


def test_the_verdict_is_the_first_sentence() -> None:
    assert unwrapped(answer()).startswith(
        "8 x H100-SXM (1 x nebius gpu-8 in eu-north1) does it in 2.8 h [2.4-3.3 h] for $139 [$118-$163]; "
        "proved cheapest. Warning: the price of nebius/gpu-8 is 476 days old (2025-08-01); ask before you order."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective_name": "gpus"}, "proved fewest GPUs."),
        ({"objective_name": "time"}, "proved fastest."),
        (
            {"status": "feasible"},
            "not proved cheapest, at most 0% off: the time limit ended the search; not reproducible.",
        ),
        ({"plan": None, "status": "unknown"}, "No answer within the time limit: neither a plan"),
        ({"undecided": ["budget"]}, "Not decided within the time limit: budget; not reproducible."),
    ],
)
def test_verdict_says_what_is_proved(changes: dict[str, Any], words: str) -> None:
    assert words in unwrapped(answer(**changes))


def test_extrapolation_is_said_in_the_first_line_and_only_there() -> None:
    warning = "too few published runs stand behind the constants of A10G under PEFT; time and memory are extrapolated"
    printed = unwrapped(answer(plan=plan("A10G", measured=False), warnings=[warning], alternatives=[]))
    assert printed.startswith("Extrapolated, too few published runs behind A10G with megatron: 8 x A10G (")
    assert printed.count("published runs") == 1


def test_clusters_of_parallel_trials_are_counted() -> None:
    printed = unwrapped(answer(trials=4, parallel=2))
    assert printed.startswith("2 clusters of 8 x H100-SXM (each 1 x nebius gpu-8 in eu-north1) do it in 2.8 h")
    assert "at once 2 such clusters, one trial on each" in printed


def test_idle_gpus_are_said_to_be_paid() -> None:
    half = plan().model_copy(update={"layout": plan().layout.model_copy(update={"gpus_used": 4})})
    assert unwrapped(answer(plan=half)).startswith(
        "4 of 8 x H100-SXM (1 x nebius gpu-8 in eu-north1, 4 idle but paid) does"
    )


@pytest.mark.parametrize(
    ("provider", "cluster", "seller"),
    [
        ("own", "1 x gpu-8 at your price", "from your price offer"),
        ("nebius", "1 x nebius gpu-8 in eu-north1 at your price", "from nebius, eu-north1, at your price"),
    ],
)
def test_a_price_of_the_user_is_said_to_be_theirs(provider: str, cluster: str, seller: str) -> None:
    offer = plan().offer.model_copy(update={"id": f"{provider}/gpu-8/eu-north1/own-price", "provider": provider})
    printed = unwrapped(answer(plan=plan().model_copy(update={"offer": offer})))
    assert printed.startswith(f"8 x H100-SXM ({cluster}) does it in")
    assert seller in printed


@pytest.mark.parametrize(
    ("label", "line"),
    [
        ("tokens", "tokens 250 M (may be 208 M to 333 M; time and cost scale with it)"),
        ("training", "training 1 epoch, 61,036 sequences of 4,096 tokens"),
        ("nodes", "nodes 1 x gpu-8 with 8 H100-SXM GPUs"),
        ("price", "price $23.60 per node and hour, $2.95 per GPU; as of 2025-08-01, 476 days old"),
        ("in a node", "in a node nvswitch 450 GB/s per GPU, one way"),
        ("between nodes", "between nodes infiniband 50 GB/s per GPU, one way"),
        ("framework", "framework Megatron-Core with Megatron Bridge (megatron)"),
        ("parallelism", "parallelism TP 2 x PP 1 x DP 4 = 8 GPUs; EP 1, ZeRO stage 1"),
        ("batch", "batch micro-batch 2 x accumulation 32 x DP 4 = global batch 256 sequences"),
        ("throughput", "throughput 6,592 tokens/s per GPU, 52,736 tokens/s per cluster"),
        ("MFU", "MFU 46% of the dense peak of the GPUs in use"),
        ("chance", "chance on time 97% with 250 M tokens an epoch; the deadline is 24 h"),
        ("upper bound", "upper bound (90%) 50.00 GiB ###############"),
        ("usable", "usable 79.00 GiB ########################"),
        ("CPU cores", "CPU cores 18 vCPUs unknown"),
        ("RAM", "RAM 56.0 GiB 1,600 GiB"),
        ("storage", "storage 67 GB 67 GB network volume (rented), local disk unknown"),
        ("network 1", "network 1 GB/s 625 MB/s (less than advised)"),
        ("time to", "time to the deadline 100.0% ########## 24.0 of 24 h binding"),
        ("memory of", "memory of the worst GPU 63.3% ###### 50.0 of 79.0 GiB"),
        ("8 x H200", "8 x H200-SXM 2.5 h $153 +10% 2025-08-01 1 x nebius gpu-8 in eu-north1"),
        ("8 x L4", "8 x L4 * 20.0 h $278 +100% 2025-08-01 1 x nebius gpu-8 in eu-north1"),
        ("* extra", "* extrapolated: too few published runs behind this GPU and framework"),
        ("- LoRA", "- LoRA rank 16"),
        ("verdict", "verdict CP-SAT proved that no plan is better; gap 0%, rounding at most 0.00019%"),
        ("left to", "left to CP-SAT 12 pairs of offer and layout; CP-SAT says optimal"),
        ("took", "took 0.05 s (incumbent 0.04 s, cp-sat 0.01 s)"),
    ],
)
def test_facts_of_a_plan(label: str, line: str) -> None:
    assert line_with(answer(), label) == line


def test_small_and_empty_parts_make_no_lines() -> None:
    printed = text(answer())
    assert "a new part" in printed  # a part without words of its own is shown as it is
    assert "fixed per step" not in printed
    assert "evaluation" not in printed
    assert "gradients" not in printed


def test_limits_are_shown_nearest_first_without_identities() -> None:
    printed = text(answer())
    assert printed.index("time to the deadline") < printed.index("memory of the worst GPU")
    assert "step time against" not in printed


def test_a_conflict_of_one_limit_and_its_relaxation() -> None:
    result = infeasible(["budget"], [relaxation("budget", 100.0, 162.3, "USD")])
    assert unwrapped(result).startswith("No plan: the budget of $100 alone rules out every cluster; proved.")
    assert line_with(result, "budget") == "budget $100 -> $163 8 x H100-SXM 2.8 h $139 1 x nebius gpu-8 in eu-north1"
    assert "This change is enough" in unwrapped(result)


def test_a_conflict_of_several_limits() -> None:
    changes = [relaxation("deadline", 2.0, 3.141, "hours"), relaxation("max_gpus", 4, 8, "GPUs")]
    result = infeasible(["deadline", "max_gpus"], changes)
    first = "No plan: the deadline of 2 h and the max GPUs of 4 cannot be kept together; proved."
    assert unwrapped(result).startswith(first)
    assert line_with(result, "deadline").startswith("deadline 2 h -> 3.2 h 8 x H100-SXM")
    assert line_with(result, "max GPUs").startswith("max GPUs 4 -> 8 8 x H100-SXM")
    assert "Any one of these changes is enough" in unwrapped(result)


def test_no_single_limit_helps() -> None:
    assert "No change of a single limit is enough" in unwrapped(infeasible(["budget"], []))


def test_no_offer_holds_the_job() -> None:
    result = infeasible(["offers"], [])
    assert unwrapped(result).startswith("No plan: no offer in the selection can hold it at all")
    assert "--allow-unknown-host" in unwrapped(result)
    nothing = result.model_copy(update={"solver": result.solver.model_copy(update={"machine_classes": 0})})
    assert "marketplaces need --marketplace" in unwrapped(nothing)


def test_check_that_passes() -> None:
    result = answer(question="check", fits=True, finishes=True, alternatives=[])
    assert unwrapped(result).startswith("Fits and finishes in time: 8 x H100-SXM (1 x nebius gpu-8 in eu-north1) takes")
    assert unwrapped(result.model_copy(update={"rules": []})).startswith("Fits: 8 x H100-SXM")


def test_check_that_does_not_fit() -> None:
    memory = rule("memory", "memory of the worst GPU", 127 * GIB, 79 * GIB, "bytes")
    late = rule("deadline", "time to the deadline", 360_000.0, 86_400.0, "seconds")
    result = failed(late, memory, fits=False, finishes=False)
    assert unwrapped(result).startswith(
        "Does not fit on 8 x H100-SXM (1 x nebius gpu-8 in eu-north1): "
        "memory of the worst GPU 127 GiB, but the limit is 79.0 GiB (48.0 GiB too much); and 1 more limit broken."
    )
    assert line_with(result, "memory of the worst") == "memory of the worst GPU 127 GiB 79.0 GiB 48.0 GiB"
    assert "if it fitted" in unwrapped(result)
    assert "chance on time" not in unwrapped(result)


def test_check_that_is_late() -> None:
    late = rule("deadline", "time to the deadline", 360_000.0, 86_400.0, "seconds")
    result = failed(late, fits=True, finishes=False, plan=plan(hours=80.0))
    assert unwrapped(result).startswith("Fits, but does not finish in time: 8 x H100-SXM (1 x nebius gpu-8")
    assert "with 90% confidence it needs 4.2 days, and the deadline is 24 h." in unwrapped(result)
    assert line_with(result, "time to") == "time to the deadline 4.2 days 24 h 3.2 days"


def test_check_that_breaks_a_limit_of_the_user() -> None:
    rented = rule("max_gpus", "GPUs rented", 8, 4, "GPUs")
    result = failed(rented, fits=True, finishes=True)
    assert "Fits and finishes, but breaks a limit" in unwrapped(result)
    assert "GPUs rented 8, but the limit is 4 GPUs (4 GPUs too much)." in unwrapped(result)


def test_check_of_structure_and_of_unknown_hosts() -> None:
    uneven = rule("divisibility", "pipeline stages without a layer", 1, 0, "count")
    assert ": pipeline stages without a layer." in unwrapped(failed(uneven, fits=False, finishes=False))
    unknown = rule("host", "virtual CPUs of a node", 18, None, "vCPUs")
    result = failed(unknown, fits=False, finishes=False)
    assert "vCPUs of a node not known; 18 vCPUs needed." in unwrapped(result)
    assert "--allow-unknown-host accepts nodes whose figures nobody states." in unwrapped(result)


def test_a_volume_of_unknown_price_is_not_called_rented() -> None:
    prediction = plan().prediction.model_copy(update={"cost_parts_usd": {"nodes": 139.0, "network_volume": 0.0}})
    result = answer(plan=plan().model_copy(update={"prediction": prediction}))
    assert "67 GB network volume (price unknown, not counted), local disk unknown" in unwrapped(result)
