"""A short run of the state machine over the HTTP interface; ``make states`` is the long one."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.api_machine import ApiMachine


def test_any_sequence_of_requests() -> None:
    """Whatever is requested in whatever order, with restarts between, the service is as the model at every step."""
    run_state_machine_as_test(
        ApiMachine,
        settings=settings(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    assert ApiMachine.tally["operations"] > 0
