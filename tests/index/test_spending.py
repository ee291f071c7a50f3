"""Money that is held of a day's budget, told from money that is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.keys import KeyGrant

if TYPE_CHECKING:
    from index.store import Store

DAY = 40_000


def test_a_question_makes_do_with_what_is_left_of_the_day(store: Store) -> None:
    """Where others hold some of it, it waits for them; where it is spent, for tomorrow; a limit of its own is kept."""
    key = store.keys.create(KeyGrant("a key", ("ask:*",)))[0].id
    books = store.spending

    first = books.hold(key, DAY, None, DAY, or_less=True)
    beside = books.hold(key, DAY, None, DAY, or_less=True)
    assert (first.amount, first.refused_by) == (DAY, "")
    assert (beside.refused_by, beside.soon) == ("key", True)

    books.settle(first, key, 100, [])
    exact = books.hold(key, DAY, None, DAY)
    then = books.hold(key, DAY, None, DAY, or_less=True)
    assert (exact.refused_by, exact.soon) == ("key", False)
    assert (then.amount, then.refused_by) == (DAY - 100, "")

    books.settle(then, key, DAY - 100, [])
    late = books.hold(key, DAY, None, DAY, or_less=True)
    assert (late.refused_by, late.soon) == ("key", False)
    assert books.hold(key, 0, None, 1, or_less=True).refused_by == "key"
