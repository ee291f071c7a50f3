"""The file with endpoints, chains and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.cost import PRICES, Price, Prices, Purse
from rag.errors import GatewayNotConfigured
from rag.gateway.file import read_gateway_file
from rag.gateway.routes import Balance, Target
from rag.types import Usage

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "sk-in-the-environment-0123"
WHOLE = """
[endpoints.main]
url = "https://api.openai.com/v1"
key_env = "MAIN_KEY"

[endpoints.local]
url = "http://127.0.0.1:11434/v1"
key_file = "local.key"
images = true

[chains.mini]
targets = ["main/gpt-4.1-mini", {model = "local/qwen3:8b", weight = 2}]
balance = "spread"
hedge_s = 3

[prices."local/*"]
input = 0
output = 0

[prices."main/gpt-4.1-mini"]
input = 0.5
output = 2
cached = 0.1
"""


def test_everything_that_it_may_say(tmp_path: Path) -> None:
    """Endpoints with keys from elsewhere, a chain, and prices."""
    (tmp_path / "local.key").write_text("sk-local\n")
    file = tmp_path / "gateway.toml"
    file.write_text(WHOLE)

    found = read_gateway_file(file, {"MAIN_KEY": SECRET})

    main, local = found.endpoints
    assert (main.key, main.images, local.key, local.images) == (SECRET, False, "sk-local", True)
    chain = found.chains["mini"]
    assert chain.targets == (Target("main", "gpt-4.1-mini"), Target("local", "qwen3:8b", 2.0))
    assert (chain.balance, chain.hedge_s) == (Balance.SPREAD, 3.0)
    prices = Prices(found.prices)
    assert prices.of("anything", "local") == Price(0, 0, margin=1.3)
    assert prices.of("gpt-4.1-mini", "main") == Price(0.5, 2, 0.1)
    # Where the file says nothing, the shipped price holds.
    assert prices.of("gpt-4.1-mini", "other") == PRICES["gpt-4.1-mini"]
    assert prices.of("mystery", "main") is None
    assert SECRET not in repr(found)


def test_an_image_is_reserved_with_the_tokens_that_it_may_take(tmp_path: Path) -> None:
    """As the file says, or with more than models take; what was counted is what it costs."""
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[prices."a/b"]\ninput = 1\noutput = 0\nmargin = 1\nimage_tokens = 1500\n'
        '[prices."a/c"]\ninput = 1\noutput = 0\n'
    )
    prices = Prices(read_gateway_file(file, {}).prices)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    purse = Purse(None, prices, len)
    blind = purse.reserve("b", [{"role": "user", "content": "Look."}], 0, "a")
    seeing = purse.reserve(
        "b", [{"role": "user", "content": [{"type": "text", "text": "Look."}, image]}], 0, "a"
    )
    other = purse.reserve("c", [{"role": "user", "content": [image, image]}], 0, "a")
    purse.settle(seeing, Usage(700, 5))

    assert (seeing.most or 0) - (blind.most or 0) == 1500 * 1000
    assert (other.most or 0) > 2 * 16_384 * 1000
    assert seeing.cost == 700 * 1000


def test_a_price_is_rounded_up_and_knows_what_was_remembered() -> None:
    """Billionths of a dollar; tokens that the gateway remembered cost less."""
    price = Price(0.4, 1.6, 0.1, image=0.001)

    assert price.nano(Usage(1000, 100)) == 560_000
    assert price.nano(Usage(1000, 100, 600)) == 160_000 + 60_000 + 160_000
    assert price.nano(Usage(1000, 100), images=2) == 2_560_000
    assert Price(0.0001, 0).nano(Usage(1, 0)) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[endpoints.a]", "url is a text"),
        ('[endpoints.a]\nurl = "http://a"\nkey = "sk-secret-in-a-file"', "'key' is not known"),
        ('[endpoints.a]\nurl = "http://a"\nkey_env = "ABSENT"', "no variable ABSENT"),
        ('[endpoints.a]\nurl = "http://a"\nkey_file = "absent"', "key_file cannot be read"),
        ('[chains.c]\ntargets = ["b/m"]', "'b' is no endpoint"),
        ("[chains.c]\ntargets = []", "targets is a list"),
        (
            '[endpoints.a]\nurl = "http://a"\n[chains.c]\ntargets = ["a/m"]\nbalance = "luck"',
            "balance is one of",
        ),
        (
            '[endpoints.a]\nurl = "http://a"\n[chains.c]\ntargets = ["a/m"]\nhedge_s = 0',
            "hedge_s is a number",
        ),
        ("[prices.m]\ninput = 1", "input and output"),
        ("[prices.m]\ninput = -1\noutput = 1", "input is a number"),
        ("[prices.m]\ninput = 1\noutput = 1\nmargin = 0.5", "margin is 1 or more"),
        ("[price.m]\ninput = 1\noutput = 1", "'price' is not known"),
        ("not toml", "cannot be read"),
    ],
)
def test_what_it_may_not_say(tmp_path: Path, text: str, complaint: str) -> None:
    """A mistake is named with its place, and no key that somebody wrote into the file is repeated."""
    file = tmp_path / "gateway.toml"
    file.write_text(text)

    with pytest.raises(GatewayNotConfigured, match=complaint) as caught:
        read_gateway_file(file, {})

    assert "sk-secret" not in str(caught.value)
