"""Control words of Rich Text (specification 1.9.1) that change what text there is."""

from __future__ import annotations

# Groups that hold no text of the document. Those marked by a star and not named below hold none either.
DROPPED = frozenset(
    [
        "colortbl",
        "info",
        "pict",
        "header",
        "headerl",
        "headerr",
        "headerf",
        "footer",
        "footerl",
        "footerr",
        "footerf",
        "ftnsep",
        "ftnsepc",
        "ftncn",
        "aftnsep",
        "aftnsepc",
        "aftncn",
        "xe",
        "tc",
        "tcn",
        "rxe",
        "txe",
        "nonshppict",
        "shprslt",
        "filetbl",
        "template",
        "comment",
        "fldinst",
        "upr",
        "sp",
        "annotation",
        "atnid",
        "atnauthor",
        "objdata",
        "datafield",
        "private1",
        "pntxta",
        "pntxtb",
        "mmathPr",
        "listtable",
        "revtbl",
    ]
)
# Groups with text, and where it goes; an empty name: where the text around them goes.
KEPT = {
    "fonttbl": "fonts",
    "stylesheet": "styles",
    "title": "title",
    "footnote": "note",
    "listtext": "label",
    "pntext": "label",
    "shptxt": "body",
    "ud": "body",
    "result": "",
    "fldrslt": "",
    "cs": "",
}
# Words that are a character. A line break inside a paragraph is a line feed.
CHARACTERS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
BREAKS = frozenset({"par", "sect", "page", "column", "cell", "nestcell", "row"})
# The code page of a font's character set; those that are missing use the document's.
CHARSETS = {
    77: "mac-roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
    255: "cp437",
}  # fmt: skip
