"""The language of a text, as far as sentence boundaries need it: by script, and by its smallest words.

No model and no list of anything but function words: a paragraph has several of them, and few of one language
are words of another. What stays unknown is treated as English.
"""

from __future__ import annotations

import re
from collections import Counter

DEFAULT = "en"
# A longer text is judged by this many characters of its start and of its middle.
_SAMPLE_CHARS = 2_000
# A language other than English must have so many more function words than English, and this share of all words.
_MARGIN = 2
_SHARE = 0.1

_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ru", re.compile("[\u0400-\u052f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("hy", re.compile("[\u0530-\u058f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("my", re.compile("[\u1000-\u109f]")),
)
# Japanese is written with Chinese characters too; this share of kana tells it from Chinese.
_KANA_SHARE = 0.1
_LATIN_WORD = re.compile(r"[^\W\d_]+")
# Words of other languages that are also words of English, or names in source code, are left out.
_FUNCTION_WORDS = {
    "en": "the of and to in is that was for with as by on are it from be this which at or have not",
    "de": "der die und das den von zu mit ist des im ein eine dem nicht sich auf für als auch wurde wird bei oder",
    "fr": "le la les des et du est un une que dans pour qui par sur au avec pas sont ce aux il elle ou",
    "es": "el la los las del y que un una por con para es su fue más lo como pero sus entre cuando",
    "pt": "os que em um uma da dos das para com não por na foi ao como mais mas pela pelo são",
    "it": "il gli di che un una del della per con è non si dei nel alla sono al delle anche più",
    "nl": "het een van en dat op te zijn met voor niet aan er ook door bij wordt werd naar uit",
    "sv": "och att det som är på av för inte ett från vid kan har också eller",
    "da": "og det som er på af til har ikke et fra ved kan blev også eller",
    "pl": "na się nie jest że przez dla jak oraz był przy jego są ale tym",
    "cs": "na je že se byl nebo jsou při jeho která také ale podle jako",
    "fi": "ja ei että oli hän joka kun mutta myös ovat tai kuin sekä",
    "hu": "az és hogy nem egy volt meg ez azt mint csak már vagy is",
    "tr": "ve bir bu da de için ile olarak olan çok gibi daha sonra olduğu",
}
_WORDS = {language: frozenset(listed.split()) for language, listed in _FUNCTION_WORDS.items()}


def language_of(text: str) -> str:
    """ISO 639-1 code of the language that most of a text is in, or of the main language of its script."""
    middle = max(_SAMPLE_CHARS, len(text) // 2)
    sample = text[:_SAMPLE_CHARS] + text[middle : middle + _SAMPLE_CHARS]
    if not sample.isascii():
        script = _script_of(sample)
        if script:
            return script
    words = Counter(_LATIN_WORD.findall(sample.lower()))
    score = {language: sum(words[each] for each in listed) for language, listed in _WORDS.items()}
    best = max(score, key=lambda language: score[language])
    enough = max(score[DEFAULT] + _MARGIN, _SHARE * words.total())
    return best if score[best] >= enough else DEFAULT


def _script_of(sample: str) -> str | None:
    """The language of the script that most letters are of; None for Latin letters."""
    counts = {language: len(letters.findall(sample)) for language, letters in _SCRIPTS}
    if counts["ja"] > _KANA_SHARE * counts["zh"]:
        counts["ja"] += counts["zh"]
    best = max(counts, key=lambda language: counts[language])
    # A character of Chinese or Japanese stands for a word; of other scripts, for a letter.
    latin = len(re.findall("[A-Za-z]", sample)) / (3 if best in ("zh", "ja", "ko") else 1)
    return best if counts[best] > latin else None
