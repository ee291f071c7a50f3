"""Any sequence of requests with restarts, kills and restores, against a plain model: 10,000 operations.

    python -m benchmarks.states --operations 10000 --seed 1

Hypothesis draws the sequences, over real HTTP; a failure is shrunk to the shortest sequence that fails and printed.
The machine itself, with what it requests and what it expects, is ``tests/properties/api_machine.py``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from api import logs
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import ROOT
from tests.properties.api_machine import ApiMachine

# Rules in one sequence: long enough for restarts between, short enough to be shrunk.
STEPS = 50
# The first of them is always the simplest sequence there is; the others are drawn.
EXAMPLES_AT_ONCE = 10
RESTARTS = 4
HOLDS = "the service is as the model after every operation"


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--operations", type=int, default=10_000, help="at least, and a few restarts; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the sequences; default: %(default)s")
    add_result_argument(parser, "states")
    arguments = parser.parse_args()
    logs.configure("error")
    source = random.Random(arguments.seed)
    checks = Checks()
    checks.expect(HOLDS)
    began = time.monotonic()
    tally = ApiMachine.tally
    tally.clear()
    # A run without restarts would show nothing of what a restart keeps.
    while tally["operations"] < arguments.operations or tally["restarts"] < RESTARTS:

        @seed(source.getrandbits(64))
        class Machine(ApiMachine):
            """One more seed."""

        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=EXAMPLES_AT_ONCE,
                    stateful_step_count=max(15, min(STEPS, arguments.operations // EXAMPLES_AT_ONCE)),
                    deadline=None,
                    database=None,
                    phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except Exception as error:
            traceback.print_exc()
            checks.see(HOLDS, holds=False, why=f"{error!r}: {getattr(error, '__notes__', '')}")
            break
        checks.see(HOLDS, holds=True)
        progress(f"{tally['operations']} of {arguments.operations} operations")
    figures = {
        "operations": tally["operations"],
        "restarts": tally["restarts"],
        "seed": arguments.seed,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
    checks.show()
    body = {"passed": checks.passed, "figures": figures, "checks": checks.as_json()}
    write_result(arguments.out, "states", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())
