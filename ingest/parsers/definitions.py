"""Where source code defines something: one pattern a language, read line by line.

Pygments names definitions in some of its lexers and leaves them out or marks calls in others (none in
JavaScript, Go, shell and SQL; every call in Lua), so it is only asked what is comment or string; see ``source``.
Each pattern begins at a line's first visible character and ends with the name that is defined.
"""

from __future__ import annotations

import re

_NAME = r"[^\W\d][\w$]*"
_QUALIFIED = rf"{_NAME}(?:[.:]+~?{_NAME})*"
# Words that may stand before the one that defines, in any of the languages.
_BEFORE = (
    r"(?:(?:export|default|declare|public|private|protected|internal|fileprivate|static|final|abstract|sealed"
    r"|partial|open|override|virtual|inline|unsafe|extern|const|constexpr|async|data|case|implicit|lazy|inner"
    r"|suspend|readonly|pub(?:\([^)\n]{0,40}\))?|\"C\"|local|typedef|template\s*<[^>\n]{0,200}>|@\w+(?:\([^)\n]{0,80}\))?"
    r"|cpdef|cdef|pure|recursive|elemental|indirect|expect|actual|strictfp)\s+){0,8}"
)
_KINDS = r"class|interface|enum(?:\s+class|\s+struct)?|struct|record|namespace|union|@interface"
# A function by its shape: words of a type, the name, an opening bracket, and no semicolon before the body.
_SHAPE = (
    r"(?!(?:if|for|while|switch|return|else|catch|throw|new|do|case|delete|using|goto|await|yield|assert|not|and"
    rf"|or|in|is|try|lock|sizeof|emit|require)\b)(?:[\w$:<>,.*&\[\]?~@]+\s+){{1,8}}[*&]*{_QUALIFIED}(?=\s*\((?:[^;{{]*\{{|[^;]*$))"
)


def _words(keywords: str, name: str = _QUALIFIED) -> str:
    return rf"{_BEFORE}(?:{keywords})\s+{name}"


# A macro in capitals may stand between the word and the name.
_MACRO = r"(?:\s+[A-Z][A-Z_]{2,}(?=\s+[A-Za-z_]))?"
_C_FAMILY = rf"{_words(f'(?:{_KINDS}){_MACRO}')}(?!\s*[;*&]|\s+{_NAME}\s*[;=(])|{_SHAPE}"
_SCRIPT_WORDS = r"class|interface|enum|namespace|function\*?"
_SCRIPT = (
    rf"{_words(_SCRIPT_WORDS)}|{_BEFORE}type\s+{_NAME}(?=[^=\n]*=)"
    rf"|{_BEFORE}(?:const|let|var)\s+{_NAME}(?=\s*(?::[^=\n]+)?=\s*(?:async\b\s*)?(?:function\b|\([^;\n]*=>|{_NAME}\s*=>))"
    rf"|(?!(?:if|for|while|switch|catch|with|return|function)\b)"
    rf"(?:(?:async|static|get|set|public|private|protected|readonly|override|\*)\s+){{0,4}}#?{_NAME}"
    r"(?=\s*(?:<[^>\n]*>)?\((?![^\n]*\bfunction\b)[^;\n]*\)\s*(?::[^{;\n]+)?\{)"
)
_LISP = r"\((?:cl-)?def[\w-]*\s+[^\s()]+"
_SECTION = r"\[+[^\]\n]+\]+"
_PATTERNS = {
    "python": _words("class|def"),
    "cython": rf"{_words('class|def')}|cp?def\s+(?:[\w\[\]:,*.]+\s+){{0,4}}[*&]*\w+(?=\s*\()",
    **dict.fromkeys(("javascript", "typescript", "vue"), _SCRIPT),
    **dict.fromkeys(("c", "cpp", "cuda", "csharp", "java", "objective-c", "dart", "groovy"), _C_FAMILY),
    "solidity": _words(r"contract|interface|library|struct|enum|function|modifier|event"),
    "go": rf"func\s+(?:\([^)\n]*\)\s*)?{_NAME}|type\s+{_NAME}(?=(?:\[[^\]\n]*\])?\s+(?:struct|interface|func)\b)",
    "rust": rf"{_words('fn|struct|enum|trait|mod|union')}|{_BEFORE}impl\b[^{{;\n]*|macro_rules!\s*{_NAME}",
    "zig": rf"{_words('fn')}|{_BEFORE}const\s+{_NAME}(?=\s*=\s*(?:packed\s+|extern\s+)?(?:struct|enum|union)\b)",
    "ruby": r"(?:class|module|def)\s+[\w.:]+[?!=]?",
    "elixir": r"def(?:module|p|macro|macrop|protocol|impl)?\s+[\w.]+[?!]?",
    "php": _words("class|interface|trait|enum|function|namespace", r"&?[\w\\]+"),
    "kotlin": _words(r"class|interface|object|fun(?:\s*<[^>\n]*>)?|enum\s+class"),
    "swift": _words("class|struct|enum|protocol|extension|func|actor"),
    "scala": _words("class|trait|object|def|enum"),
    "bash": r"function\s+[\w:.-]+|[\w:.-]+(?=\s*\(\)\s*(?:\{|$))",
    "lua": rf"(?:local\s+)?function\s+{_QUALIFIED}|{_QUALIFIED}(?=\s*=\s*function\b)",
    "r": r"[\w.]+(?=\s*(?:<-|=)\s*function\b)",
    "perl": r"(?:sub|package)\s+[\w:]+",
    "powershell": r"(?:function|filter|class)\s+[\w:-]+",
    "julia": r"(?:function|struct|mutable\s+struct|module|macro|abstract\s+type)\s+[\w.!]+",
    "haskell": r"(?:data|newtype|class|instance|type|module)\s+[^=\n{]+?(?=\s*(?:=|\bwhere\b|\($|$))",
    "ocaml": r"(?:module|type|let(?:\s+rec)?)\s+[\w']+",
    "fsharp": r"(?:module|type|let(?:\s+(?:rec|inline))?|member\s+\w+\.)\s*[\w'.]+",
    "erlang": r"-module\(\w+",
    "nim": r"(?:proc|func|method|iterator|template|macro)\s+[\w`*]+",
    "pascal": r"(?:unit|program|procedure|function|constructor|destructor)\s+[\w.]+",
    "fortran": r"(?!end\b)" + _words(r"program|module|subroutine|(?:\w+\s+)?function"),
    "ada": r"(?:package(?:\s+body)?|procedure|function|task(?:\s+type)?)\s+[\w.]+",
    "vbnet": r"(?:(?:friend|shared|overrides)\s+){0,3}" + _words("class|module|sub|function|structure|enum"),
    "verilog": r"(?:module|interface|package|class|function|task)\s+\w+",
    "vhdl": r"(?:entity|architecture|package|process|component)\s+\w+",
    "protobuf": r"(?:message|service|enum|rpc)\s+\w+",
    "graphql": r"(?:extend\s+)?(?:type|input|enum|interface|union|scalar|query|mutation|fragment)\s+\w+",
    "hcl": r'(?:resource|data|module|variable|output|provider|locals|terraform)(?:\s+"[^"\n]*"){1,2}',
    "sql": (
        r"create\s+(?:or\s+(?:replace|alter)\s+)?(?:\w+\s+){0,3}?(?:table|view|function|procedure|trigger|index|type"
        r"|schema|sequence|database)\s+(?:if\s+not\s+exists\s+)?[\w.\"`\[\]]+"
    ),
    "prolog": r":-\s*module\(\w+",
    "clojure": _LISP,
    "lisp": _LISP,
    "toml": _SECTION,
    "ini": _SECTION,
}
# Languages whose key words may be written in capitals.
_CAPITALS = {"sql", "fortran", "pascal", "ada", "vbnet", "vhdl", "powershell"}


def definition_pattern(language: str) -> re.Pattern[str] | None:
    """What a line that defines something begins with, or None for a language without definitions.

    Args:
        language: The name that Pygments has for it.

    Returns:
        A pattern to match against a line from its first visible character on.
    """
    pattern = _PATTERNS.get(language)
    if pattern is None:
        return None
    return re.compile(pattern, re.IGNORECASE if language in _CAPITALS else 0)
