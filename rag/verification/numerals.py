"""How a number is written: in figures with separators, signs, fractions and powers, or in words."""

from __future__ import annotations

import re
import unicodedata

_SMALL_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS_WORDS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELLED = {word: float(value) for value, word in enumerate(_SMALL_WORDS)} | {
    word: 10.0 * value for value, word in enumerate(_TENS_WORDS, 2)
}
# German, without "elf", which is a word of English, and Arabic in both genders.
_FOREIGN = {
    word: float(value)
    for value, words in enumerate(
        ("zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "", "zwölf"), 2
    )
    for word in words.split()
} | {
    word: float(value)
    for value, words in enumerate(
        (
            "ثلاث ثلاثة",
            "أربع أربعة",
            "خمس خمسة",
            "ست ستة",
            "سبع سبعة",
            "ثمان ثماني ثمانية",
            "تسع تسعة",
            "عشر عشرة",
        ),
        3,
    )
    for word in words.split()
}
_SPELLED |= _FOREIGN
# Chinese figures before what they count, one or two of them; ten alone would become longer.
_HAN = "〇一二三四五六七八九"
_COUNTED = re.compile(
    rf"(?<![{_HAN}两十百千万亿第周期])(?:十(?P<ones>[{_HAN[1:]}])|(?P<tens>[{_HAN[1:]}])十|(?P<one>[{_HAN[1:]}两]))"
    r"(?=个|年|月|天|日|周|小时|分钟|秒|元|次|名|倍|米|公里|公斤|吨|瓦|页)"
)
_ORDINALS = {
    word: float(value)
    for value, word in enumerate(
        ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"), 3
    )
}
_MAGNITUDES = {"hundred": 1e2, "thousand": 1e3, "k": 1e3, "lakh": 1e5, "million": 1e6, "mn": 1e6, "crore": 1e7,
               "billion": 1e9, "bn": 1e9, "trillion": 1e12, "tn": 1e12, "dozen": 12.0}  # fmt: skip
# Single letters are magnitudes beside a currency only.
_LETTERS = {"k": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "tn": 1e12}
_SCALES = {"十": 1e1, "百": 1e2, "千": 1e3, "万": 1e4, "萬": 1e4, "만": 1e4, "亿": 1e8, "億": 1e8, "억": 1e8,
           "兆": 1e12, "조": 1e12}  # fmt: skip
# Letters of scripts that put no space between a number and a word, or between words.
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3\u0e00-\u0e7f"
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_EXPONENTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
# 3/4 is a fraction, 24/7 and 5/10 patients are none.
_WHOLES = frozenset((2, 3, 4, 8))

NUMBER_WORDS = (
    *_SMALL_WORDS,
    *_TENS_WORDS,
    "hundred",
    "thousand",
    "million",
    "billion",
    "percent",
    "per cent",
)
_SPELLED_NUMBER = (
    rf"(?:(?:{'|'.join(_TENS_WORDS)})(?:[- ](?:{'|'.join(_SMALL_WORDS[1:10])}))?|{'|'.join(_SMALL_WORDS[2:])}|"
    rf"{'|'.join(sorted(_FOREIGN, key=len, reverse=True))}|"
    rf"(?:a|one|half a|several)(?=\s(?:hundred|thousand|lakh|million|crore|billion|trillion|dozen)\b)|"
    r"one(?=[\s-](?:year|month|week|day|hour|minute|second)s?\b)|a dozen)"
)
_DIGITS = (
    # 0,5; 1,000,000.5 and 1,00,000; 1.000.000,5 and 1'000; 3,5 as others write 3.5; 1/2; the rest.
    r"0,\d+(?![\d,])|"
    # Blanks part thousands where nothing else can be meant: 40 000 and 1 200 €.
    r"\d{1,3}(?: \d{3})+(?!\d)(?:(?<= 000)|(?=\s?(?:[€$£¥]|EUR\b|USD\b|euros?\b|dollars?\b)))|"
    r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)(?:\.\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|"
    r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}(?![\d.])|\d{1,3}(?:['’\u00a0\u2009\u202f]\d{3})+(?!\d)|"
    r"(?<!\[)\d{1,3},\d{1,2}(?![\d,\]])|\d{4,},\d\d(?=\s?(?:[€%]|EUR))|\d/\d(?![\d/])|\d+(?:\.\d+)?|\.\d+"
)
_EXPONENT = r"(?:\^\s?\{?[-−]?\d{1,2}(?!\d)\}?|⁻?[⁰¹²³⁴-⁹]{1,2})"
# Between the sign and its number a currency may stand; after a digit a dash makes a range.
_MINUS = r"(?P<minus>(?<![^\s(\[“\"'=:<>≤≥~±])(?<!\d\s)[-−–](?=(?:[$€£¥₹]\s?)?\.?\d)|\bminus\s)?"
_MONEY = r"(?P<money>US\$|[$€£¥₹]|\b(?:USD|EUR|GBP|INR|Rs\.?)\s)?\s?"
_AFTER_MONEY = r"(?:[$€£¥₹]|(?:USD|EUR|GBP|dollars?|euros?|pounds?)\b)"
NUMBER = re.compile(
    rf"{_MINUS}{_MONEY}(?P<again>(?<=[$€£¥₹])[-−–(])?"
    rf"(?:(?<![^\W{UNSPACED}])(?<![.+])(?<![A-Za-z]-)(?<!\w/)(?<!\d,)(?:(?P<digits>{_DIGITS})(?P<part>\s?[{_FRACTIONS}]|"
    rf"\s\d/\d(?![\d/]))?|(?P<alone>[{_FRACTIONS}]))(?P<power>(?:\s?[×x·*]\s?10)?{_EXPONENT})?(?:(?P<ordinal>st|nd|rd|th)\b)?"
    rf"|\b(?P<spelled>{_SPELLED_NUMBER})\b|\b(?P<nth>{'|'.join(_ORDINALS)})\b)"
    r"(?P<half>\sand\s(?:a|one)[\s-]half\b)?"
    r"(?:(?(again)\)))?(?P<magnitude>(?:[\s-]?(?:hundred|thousand|lakh|million|crore|billion|trillion|bn|mn|tn|dozen|k)s?\b)*)"
    rf"(?P<letter>(?(money)\s?(?:mm|mn|bn|tn|[kmbt])(?![^\W_])|(?<=\d)\s?(?:mn|bn|tn|[kmbt])(?=\s?{_AFTER_MONEY})))?"
    rf"(?P<scale>(?<=\d)[{''.join(_SCALES)}]{{1,4}})?"
    r"(?P<decade>(?<=\d)['’]?s\b)?"
    r"(?P<unit>[\s-]{0,8}(?:per\s?(?:cent(?:age)?|mille)\b|(?:square|sq\.?|cubic)\s?[a-z]+|[°º]\s?[CF]?|℃|℉|"
    r"[%‰$€£¥₹]|[A-Za-zµμ/]+[²³]?|美元|欧元|日元|元|円|원|公里|千米|米|公斤|千克|吨|小时|分钟|秒|天))?",
    re.IGNORECASE,
)
# Letters that a pattern without case takes for i, s and k, and marks of other widths; each is one character.
_PLAIN = str.maketrans("ıİſ\u212a\u2044％．－＄＜＞", "iIsK/%.-$<>") | {
    0xFF10 + at: str(at) for at in range(10)
}


def plain(text: str) -> str:
    """A text of the same length in which figures, marks, Latin letters and small Chinese numbers have one form."""
    return _COUNTED.sub(_counted, text.translate(_PLAIN))


def _counted(match: re.Match[str]) -> str:
    if match["ones"]:
        return f"1{_HAN.index(match['ones'])}"
    if match["tens"]:
        return f"{_HAN.index(match['tens'])}0"
    return "2" if match["one"] == "两" else str(_HAN.index(match["one"]))


def value_of(match: re.Match[str]) -> tuple[float | None, bool]:
    """The number of a match of ``NUMBER`` with its magnitude, and whether it is an ordinal; None for none."""
    if match["nth"]:
        return _ORDINALS[match["nth"].casefold()], True
    value = _in_words(match["spelled"]) if match["spelled"] else _in_figures(match)
    if value is None:
        return None, False
    value += 0.5 if match["half"] else 0.0
    for word in re.findall(r"[a-z]+", match["magnitude"].casefold()):
        value *= _MAGNITUDES[word.removesuffix("s")]
    if match["letter"]:
        value *= _LETTERS[match["letter"].strip().casefold()]
    for sign in match["scale"] or "":
        value *= _SCALES[sign]
    return (-value if match["minus"] or match["again"] else value), bool(match["ordinal"])


def places_of(match: re.Match[str]) -> int:
    """Digits after the decimal sign."""
    found = re.search(r"[.,](\d+)$", match["digits"] or "")
    return len(found[1]) if found and not match["digits"].isdecimal() and _figures(match["digits"]) % 1 else 0


def _in_words(spelled: str) -> float | None:
    words = re.split(r"[\s-]+", spelled.casefold())
    if words == ["a", "dozen"]:
        return 12.0
    if words[0] == "several":
        return None
    return 0.5 if words[0] == "half" else 1.0 if words[0] == "a" else sum(_SPELLED[word] for word in words)


def _in_figures(match: re.Match[str]) -> float:
    if match["alone"]:
        return unicodedata.numeric(match["alone"])
    value = _figures(match["digits"])
    if part := (match["part"] or "").strip():
        value += _figures(part) if "/" in part else unicodedata.numeric(part)
    power = match["power"]
    if not power:
        return value
    times = re.match(r"\s?[×x·*]\s?10", power, re.IGNORECASE)
    exponent = int(re.sub(r"[^\d-]", "", power[times.end() if times else 0 :].translate(_EXPONENTS)))
    if times:
        return value * 10.0**exponent
    # A raised figure after another number than 10 is a footnote's more often than an exponent.
    return value**exponent if value == 10 or ("^" in power and 0 < value <= 1000) else value  # noqa: PLR2004


def _figures(digits: str) -> float:
    """A number in figures, by the place and count of its separators."""
    if "/" in digits:
        above, below = (int(each) for each in digits.split("/"))
        return above / below if below in _WHOLES and above < below else float(above)
    digits = re.sub(r"['’ \u00a0\u2009\u202f]", "", digits)
    last = max(digits.rfind("."), digits.rfind(","))
    behind = len(digits) - last - 1
    both = "." in digits and "," in digits
    # A comma before anything but three figures is a decimal one, and so is the last of two kinds.
    if digits[last : last + 1] == "," and (both or behind != 3 or digits.startswith("0,")):  # noqa: PLR2004
        return float(digits.replace(".", "").replace(",", "."))
    if digits.count(".") > 1:
        return float(digits.replace(".", ""))
    return float(digits.replace(",", ""))
