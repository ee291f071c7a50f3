"""The language of a text, as sentence boundaries need it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.language import DEFAULT, language_of


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The library opens at nine and it is closed on Sundays."),
        ("de", "Die Bibliothek öffnet um neun, und sie ist an den Feiertagen nicht geöffnet."),
        ("fr", "La bibliothèque est ouverte dans la matinée et elle ferme pour les fêtes."),
        ("es", "La biblioteca abre por la mañana y los domingos una parte del edificio cierra."),
        ("it", "La biblioteca non è aperta nel pomeriggio, ma una parte della sala è sempre libera."),
        ("pt", "Os livros da biblioteca não são vendidos, mas uma parte foi dada para a escola."),
        ("nl", "Het boek is van een lid en het wordt niet aan de lezers gegeven."),
        ("pl", "Książka nie jest na sprzedaż, ale się ją pożycza przez tydzień."),
        ("zh", "图书馆九点开门, see the Web page."),
        ("ja", "図書館は九時に開館します。"),
        ("ko", "도서관은 아홉 시에 엽니다."),
        ("ar", "تفتح المكتبة في التاسعة."),
        ("ru", "Библиотека открывается в девять."),
        ("hi", "पुस्तकालय नौ बजे खुलता है।"),
        ("el", "Η βιβλιοθήκη ανοίγει στις εννέα."),
        ("en", "for i in range(no): self.om.do(i, a=en.na)  # type: ignore"),
        ("en", "The word 图书馆 means library."),
        ("en", "12,345 – 67"),
        ("en", ""),
    ],
)
def test_languages_are_told_apart(language: str, text: str) -> None:
    """By script and by function words; what tells nothing is taken for English."""
    assert language_of(text) == language


def test_a_text_is_judged_by_its_body_too() -> None:
    """An English notice at the front does not make a German book English."""
    notice = "This is the notice of the publisher. " * 20
    body = "Die Bibliothek ist an den Feiertagen nicht geöffnet, und das wird so bleiben. "

    assert language_of(notice + body * 200) == "de"
    assert language_of("") == DEFAULT


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_has_a_language(text: str) -> None:
    """No text, however odd, fails."""
    assert len(language_of(text)) == 2
