"""Ctrl-C around foreign code: the handler is put back, and an interrupt that comes meanwhile is not lost."""

from __future__ import annotations

import os
import signal
from threading import Thread

import pytest

from gpuplan.interrupts import handler_kept, held_back

pytestmark = pytest.mark.usefixtures("python_handler")


def test_a_handler_that_foreign_code_takes_away_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with handler_kept():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held_back():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the block")
    assert done == ["the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_ignores_interrupts_still_does() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_back():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_other_threads_have_no_handlers_to_keep() -> None:
    done = []

    def work() -> None:
        with handler_kept(), held_back():
            done.append("the block")

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["the block"]
