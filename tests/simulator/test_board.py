"""Who has a line and what it reads, without any socket."""

from __future__ import annotations

import pytest

from simulator.board import Board, Held, Unclaimed


def test_an_undriven_line_reads_what_hangs_on_it() -> None:
    board = Board({17: 1, 25: 0})
    assert [(board.level(pin), board.driven(pin)) for pin in (17, 25)] == [(1, False), (0, False)]


def test_a_claim_drives_and_says_whether_the_level_changed() -> None:
    seen: list[tuple[int, int]] = []
    board = Board({17: 1}, lambda pin, level: seen.append((pin, level)))
    assert [board.claim(17, 1, 10), board.write(17, 0, 10), board.write(17, 0, 10)] == [False, True, False]
    assert seen == [(17, 0)]


def test_only_the_process_that_claimed_may_write() -> None:
    board = Board({})
    with pytest.raises(Unclaimed):
        board.write(17, 0, 10)
    board.claim(17, 0, 10)
    for act in (board.claim, board.write):
        with pytest.raises((Held, Unclaimed)):
            act(17, 1, 11)
    with pytest.raises(Held, match="process 10"):
        board.release(17, 11)
    assert (board.level(17), board.holder(17)) == (0, 10)


def test_persisting_lines_stay_driven_when_their_process_ends_and_may_be_claimed() -> None:
    board = Board({17: 1}, persist=True)
    board.claim(17, 0, 10)
    assert board.gone(10) == {17: False}
    assert (board.level(17), board.driven(17)) == (0, True)
    assert board.claim(17, 0, 11) is False


def test_released_lines_fall_to_their_pull_when_their_process_ends() -> None:
    board = Board({17: 1, 27: 1}, persist=False)
    board.claim(17, 0, 10)
    board.claim(27, 0, 11)
    assert board.gone(10) == {17: True}
    assert [(board.level(pin), board.driven(pin)) for pin in (17, 27)] == [(1, False), (0, True)]


def test_a_contact_moves_an_undriven_line_only() -> None:
    board = Board({6: 1})
    assert board.set_outside(6, 0) is True
    board.claim(17, 1, 10)
    assert board.set_outside(17, 0) is False
    assert (board.level(6), board.level(17)) == (0, 1)
