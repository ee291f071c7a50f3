"""Units of measure and of money by their names: which dimension, and how large."""

from __future__ import annotations

import re
from functools import cache

# Dimension and size of each unit, in the dimension's own measure.
_SIZES = {
    "length": "nm nanometre nanometer=1e-9 μm micrometre micrometer=1e-6 mm millimetre millimeter=.001 cm centimetre "
    "centimeter=.01 metre meter m 米=1 km kilometre kilometer 公里 千米=1000 inch inches=.0254 foot feet ft=.3048 "
    "yard yd=.9144 mile mi=1609.344",
    "mass": "ng nanogram=1e-12 μg mcg microgram=1e-9 mg milligram=1e-6 g gram gramme=.001 kg kilogram kilo 公斤 千克=1 "
    "tonne 吨=1000 lb lbs=.45359 ounce oz=.02835",
    "time": "second sec 秒=1 minute min 分钟=60 hour hr h stunde stunden 小时=3600 day 天 tage tagen=86400 week woche "
    "wochen=604800 month monat monate monaten=2628000 year yr jahr jahre jahren=31536000 decade=315360000 "
    "millisecond ms=.001 microsecond μs=1e-6",
    "volume": "μl microlitre microliter=1e-6 ml millilitre milliliter=.001 litre liter l=1 gallon=3.785",
    "data": "kb kilobyte=1e3 mb megabyte=1e6 gb gigabyte=1e9 tb terabyte=1e12",
    "bits": "kbit kilobit=1e3 mbit megabit=1e6 gbit gigabit=1e9 tbit terabit=1e12",
    "rate": "kbps kbit/s kb/s=1e3 mbps mbit/s=1e6 gbps gbit/s=1e9", "bytes a second": "mb/s=1e6 gb/s=1e9",
    "power": "watt w=1 kw kilowatt=1e3 mw megawatt=1e6 gw gigawatt=1e9 milliwatt=.001",
    "energy": "kwh=1 mwh=1e3 gwh=1e6 twh=1e9",
    "area": "acre=4046.86 hectare ha=10000",
    "percent": "% percent pct prozent=1", "permille": "‰ permille=1",
    "dollar": "$ dollar usd us$ 美元=1", "euro": "€ euro eur 欧元=1", "sterling": "£ gbp=1",
    "yen": "¥ yen jpy 円 日元=1", "yuan": "yuan rmb cny 元=1", "won": "krw 원=1", "rupee": "rupee inr ₹ rs rs.=1",
    "celsius": "°c ℃ celsius centigrade=1", "fahrenheit": "°f ℉ fahrenheit=1",
    "speed": "mph=1.609344 km/h kph=1", "cent": "cent=1", "pound": "pound=1", "ton": "ton=1",
    "volt": "volt v=1 kv kilovolt=1e3 mv millivolt=.001",
    "hertz": "hz hertz=1 khz=1e3 mhz=1e6 ghz=1e9", "kelvin": "kelvin=1", "degree": "degree °=1",
    "calorie": "calorie=1 kcal=1000", "pressure": "hpa=100 kpa=1e3 mpa megapascal=1e6 pascal=1",
}  # fmt: skip
# Where the case of a letter makes another unit, it is read as written; elsewhere case is left aside.
_CASED_SIZES = {
    "power": "mW=.001 MW=1e6", "mass": "Mg=1000", "bits": "Mb=1e6 Gb=1e9 Tb=1e12", "rate": "Mb/s=1e6 Gb/s=1e9",
    "bytes a second": "kB/s=1e3",
    "energy": "mWh=1e-6 MWh=1e3", "volt": "mV=.001 MV=1e6", "hertz": "mHz=.001 MHz=1e6",
    "pressure": "Pa=1 mPa=.001 MPa=1e6",
}  # fmt: skip
# A million, a billion or a generation of telephones as often as metres and grams.
_NO_UNITS = frozenset(("M", "G"))
_POWERS = {"²": 2, "³": 3}
# A pound is money or weight, a ton may be metric: these are only compared by their number.
VAGUE_UNITS = frozenset(("pound", "ton", "degree"))


def unit_of(word: str, money: str, *, spaced: bool) -> tuple[str, float]:
    """Dimension and size of a unit.

    Args:
        word: What stands after the number, in its own case; may be empty.
        money: The currency before the number, or nothing.
        spaced: Whether something stands between number and word.

    Returns:
        Nothing and 1 when neither is a unit.
    """
    if money:
        return _units()[money.casefold()][0], 1.0
    return _measure(word, word.casefold(), spaced=spaced)


def _measure(word: str, folded: str, *, spaced: bool) -> tuple[str, float]:
    if re.fullmatch(r"per\s?(?:cent(?:age)?|mille)", folded):
        return ("permille" if folded.endswith("mille") else "percent"), 1.0
    if area := re.match(r"(?:square|sq\.?)\s?([a-z]+)", folded):
        return _raised(area[1], 2)
    if word[-1:] in _POWERS:
        return _raised(folded[:-1], _POWERS[word[-1]])
    # One letter after a space is a word or a label more often than a unit: "Section 4 a".
    if folded.startswith("cubic") or word in _NO_UNITS:
        return "", 1.0
    if len(word) == 1 and word.isascii() and word.isalpha() and spaced and folded not in "mgl":
        return "", 1.0
    found = _single(re.sub(r"[°º]\s?", "°", word))
    # What it is for or by stands after the stroke: l/min, and is compared apart.
    return found if found[0] or "/" not in word else _single(word.partition("/")[0])


def _raised(word: str, power: int) -> tuple[str, float]:
    dimension, size = _single(word)
    if dimension != "length":
        return "", 1.0
    # Litres measure volumes.
    return ("area", size**2) if power == 2 else ("volume", 1000 * size**3)  # noqa: PLR2004


def _single(word: str) -> tuple[str, float]:
    if word in _cased():
        return _cased()[word]
    folded = word.casefold()
    for name in (folded, folded.removesuffix("s"), folded.removesuffix("es")):
        if name in _units():
            return _units()[name]
    return "", 1.0


@cache
def _units() -> dict[str, tuple[str, float]]:
    return _read(_SIZES)


@cache
def _cased() -> dict[str, tuple[str, float]]:
    return _read(_CASED_SIZES)


def _read(sizes: dict[str, str]) -> dict[str, tuple[str, float]]:
    found: dict[str, tuple[str, float]] = {}
    for dimension, written in sizes.items():
        names: list[str] = []
        for word in written.split():
            name, _, size = word.partition("=")
            names.append(name)
            if size:
                found |= dict.fromkeys(names, (dimension, float(size)))
                names = []
    return found
