"""States of sequences and experts that are cut, and of pipelines with lighter ends, by hand; sizes from `performance.toy`.

As in `test_states`: N = 92,017,000; of the mixture 44,145,000 beside the experts, and 8 x 24 M in them.
"""

from __future__ import annotations

import pytest

from performance.test_states import model_states
from performance.toy import MODEL, MOE, about, held, work

pytestmark = pytest.mark.usefixtures("toy_constants")


def test_context_parallel_ranks_shard_and_exchange_like_data_parallel_ones() -> None:
    # c = 2, d = 2: the 12 bytes of moments and master over four ranks, which exchange 3/4; two doublings of one GPU.
    found = held(work(), context=2, data=2, zero=1)
    assert model_states(found) == about((2 * MODEL, 4 * MODEL, 3 * MODEL))
    assert found.link_bytes[0] == about(4 * MODEL * 0.75)
    assert found.optimizer_traffic_bytes[0] == about(50 * MODEL / 4)
    assert found.fixed_seconds[0] == about(0.01 + 2 * 0.001)
    # The mixture with e = 4, c = 2, d = 4: 44.145 M over 8 ranks, 48 M of experts over 2 (as for d = 8 above).
    mixture = held(work(MOE), expert=4, context=2, data=4, zero=1)
    assert model_states(mixture)[2] == about(12 * (44.145e6 / 8 + 24e6))


# Of the mixture on t = 2, e = 4, with experts cut in f = 2: 8 x (3 M / 2 + 18,000) + 10 M + 1,000 = 22,145,000 beside the experts;
# of these 8 x 24 M / (4 x 2) = 24 M.
def test_experts_that_are_cut_are_held_in_parts() -> None:
    assert model_states(held(work(MOE), tensor=2, expert=4, data=8))[0] == about(2 * (22.145e6 + 48e6))
    found = held(work(MOE), tensor=2, expert=4, expert_tensor=2, data=8, zero=1)
    # Sharded over t d / (e f) = 2 ranks; the rest over 8. They exchange a half, the rest 7/8.
    assert model_states(found) == about((2 * (22.145e6 + 24e6), 4 * (22.145e6 + 24e6), 12 * (22.145e6 / 8 + 24e6 / 2)))
    assert found.link_bytes[0] == about(4 * (22.145e6 * 7 / 8 + 24e6 / 2))


def test_groups_of_cut_experts_spread_over_nodes() -> None:
    # t = 2, d = 16 on 4 nodes, e f = 8: 22.145 M over 16 ranks, 4 in a node; 24 M of experts over 4 ranks, one in each node.
    found = held(work(MOE), tensor=2, expert=4, expert_tensor=2, data=16, zero=1)
    assert found.network_bytes[0] == about(4 * 22.145e6 * 15 / 16 / 4 + 4 * 24e6 * 3 / 4)


def test_lighter_ends_hold_a_layer_less() -> None:
    # p = 4: 1, 3, 3 and 1 layers of 9,002,000; embedding on the first, head and final norm on the last.
    found = held(work(), pipeline=4, lighter="both")
    assert found.weights_bytes[0] == about([2 * 19_002_000, 2 * 27_006_000, 2 * 19_003_000])
    # p = 2: 3 and 5 layers.
    found = held(work(), pipeline=2, lighter="first")
    assert found.weights_bytes[0] == about([2 * 37_006_000, 0, 2 * 55_011_000])
