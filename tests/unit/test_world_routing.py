"""Connection draining: an instance may be stopped only when nobody sends to it or awaits anything from it."""

from __future__ import annotations

import pytest

from rotator.model.errors import UsageError
from rotator.sandbox.instances import Spec
from rotator.sandbox.routing import Route, RoutingTable
from rotator.sandbox.traffic import Table

NOW = 0.0  # seconds of patience


def a_table() -> RoutingTable:
    table = RoutingTable()
    table.add(Route("a-1", "a", "http://127.0.0.1:1"))
    table.add(Route("a-2", "a", "http://127.0.0.1:2"))
    return table


def test_without_readers_a_removed_instance_is_drained_at_once() -> None:
    table = a_table()
    assert table.drained("a-1", table.remove("a-1"), NOW)


def test_it_is_not_drained_before_every_reader_has_taken_the_removal_over() -> None:
    table = a_table()
    table.read("one", 2)
    table.read("two", 2)
    removed = table.remove("a-1")
    table.read("one", removed)
    assert not table.drained("a-1", removed, NOW)
    table.read("two", removed)
    assert table.drained("a-1", removed, NOW)


def test_it_is_not_drained_while_a_request_through_the_front_door_is_in_flight() -> None:
    table = a_table()
    with table.one_of("a") as route:
        assert route is not None
        removed = table.remove(route.instance)
        assert not table.drained(route.instance, removed, NOW)
    assert table.drained(route.instance, removed, NOW)


def test_the_front_door_takes_instances_in_turn_and_knows_when_there_is_none() -> None:
    table = a_table()
    seen = set()
    for _ in range(2):
        with table.one_of("a") as route:
            seen.add(route.instance if route else "")
    assert seen == {"a-1", "a-2"}
    with table.one_of("b") as route:
        assert route is None


def test_a_reader_has_not_taken_a_table_over_while_it_awaits_an_instance_that_is_not_in_it() -> None:
    reader = Table()
    reader.replace(1, [("a-1", "http://127.0.0.1:1")])
    with reader.next():
        assert reader.taken_over() == 1
        reader.replace(2, [("a-2", "http://127.0.0.1:2")])
        assert reader.taken_over() < 2
    assert reader.taken_over() == 2


def test_a_reader_of_an_empty_table_sends_nothing() -> None:
    with Table().next() as route:
        assert route is None


@pytest.mark.parametrize("text", ["a", "a:cold:2", "a:boot:0", "a:boot:x", ":boot:1", "a:boot:1:2"])
def test_a_consumer_that_cannot_be_run_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a consumer"):
        Spec.parse(text)


def test_a_consumer_is_written_as_it_is_read() -> None:
    assert Spec.parse("edge:hot:2") == Spec("edge", "hot", 2)
    assert str(Spec("edge", "hot", 2)) == "edge:hot:2"
