"""English words as spaCy's tokenizer cuts them, by expressions on strings in the graph.

https://github.com/explosion/spaCy, `lang/en/tokenizer_exceptions.py` and `lang/punctuation.py`. The
rules are those that matter for text in which spaces surround - ~ ! " ; ? + , ( ) / * [ ] { } | _
already, as GPT's authors have prepared it.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# Classes of characters and other parts, in RE2's syntax.
_SIGNS = r"""!"#&'()*,:;<>?_`{}\[\]\x{a1}\x{b7}\x{bf}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{So}"""
_CURRENCIES = r"US\$|[AC]\$|[$\x{a3}\x{20ac}\x{a5}]"
_UNITS = (
    r"(?:[kdcm]?m|in|ft)[\x{b2}\x{b3}]?|ha|[\x{b5}n]m|yd|kg|m?g|\x{b5}g|t|lb|oz|kmh|mph|h?Pa|mbar"
    r"|[mkgt]b|[MKGT]B|[TGMK%]"
)
_QUOTES = r"'`\p{Pi}\p{Pf}"
_LOWER, _UPPER = r"\p{Ll}\p{Lo}", r"\p{Lu}\p{Lo}"

_BEFORE = rf"\.\.+|{_CURRENCIES}|[{_SIGNS}%=+\x{{a7}}]"  # what is cut off the start of a word
_BEHIND = rf"\.\.+|'[sS]|[{_SIGNS}]|\."
_TAIL = rf"(?:\.\.+|'S|(?:'s|[{_SIGNS}])\.?)*"
_FULL_STOP = rf"(?s)\A(.*(?:[0-9{_LOWER}%+\x{{b2}}]|[{_UPPER}]{{2}}))\.\z"
_MEASURE = rf"(?s)\A(.*[0-9])({_CURRENCIES}|{_UNITS})( \.)?\z"
_INSIDE = (  # what cuts a word in the middle
    (r"\.\.+|\p{So}", r" \0 "),
    (r"([0-9])\^([0-9])", r"\1 ^ \2"),
    (rf"([{_LOWER}{_QUOTES}])\.([{_UPPER}{_QUOTES}])", r"\1 . \2"),
    *2 * ((r"([\p{L}0-9])([:<>=])(\p{L})", r"\1 \2 \3"),),  # twice, for neighbours share a letter
)


def _either_case(words: str) -> str:
    """An expression for words, whose first letters may be capitals.

    >>> _either_case("no yes")
    '[Nn]o|[Yy]es'
    """
    return "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in words.split())


_ASKING = "who what when where why how there"
# What is cut in two or three: what there may be of its first part, of its second, and of its third.
_CONTRACTIONS = (
    (_either_case("i"), "'?m", "a?"),
    (
        _either_case(f"i you he she it we they {_ASKING} that this these those"),
        "'?(?:ll|d)",
        "(?:'?ve)?",
    ),
    (
        _either_case(f"i you we they {_ASKING} these those could might must should would not"),
        "'?ve",
        "",
    ),
    (_either_case(f"you we they {_ASKING} these those"), "'?re", ""),
    (_either_case(f"he she it {_ASKING} that this"), "'?s", ""),
    (
        _either_case("ca could do does did had may might must need ought sha should wo would"),
        "n'?t",
        "(?:'?ve)?",
    ),
    (_either_case("ai are is was were have has dare"), "n'?t", ""),
    (_either_case("can"), "not", ""),
    (_either_case("gon"), "na", ""),
    (_either_case("got"), "ta", ""),
    (_either_case("let"), "'s", ""),
    (_either_case("c'm"), "on", ""),
    (_either_case("how"), "'d", "'y"),
    ("y'?", "all", ""),
    ("[1-9]|1[0-2]", r"[ap]m|[ap]\.m\.", ""),
)
_NO_CONTRACTIONS = _either_case("ill its hell shell shed were well whore")
_WHOLE_WITH_STOP = (
    "Adm Ak Ala Apr Ariz Ark Aug Bros Calif Co Colo Conn Corp Dec Del Dr E.g Feb Fla Ga Gen Gov "
    "I.e Ia Id Ill Inc Ind Jan Jr Jul Jun Kan Kans Ky La Ltd Mar Mass Md Messrs Mich Minn Miss Mo "
    "Mont Mr Mrs Ms Mt Neb Nebr Nev Nov Oct Okla Ore Pa Ph.D Prof Rep Rev Sen Sep Sept St Tenn Va "
    "Wash Wis a.m co e.g i.e p.m v.s vs"
)
_WHOLE = "|".join(
    (
        *(re.escape(f"{word}.") for word in _WHOLE_WITH_STOP.split()),
        r"[a-z\x{e4}\x{f6}\x{fc}]\.",
        f"(?:{_either_case('doin goin havin lovin nothin nuthin ol somethin')})'",
        f"'(?:{_either_case('cause cos coz cuz')}|bout|d|em|ll|nuff|re|[sS])",
        "''",
        r":[1PpOo03>XxD]|=[3D]|>:o|>\.[<>]|<\.<|o\.O|<3{1,3}",
    )
)
_KNOWN = "|".join([_WHOLE, *("".join(f"(?:{part})" for part in row) for row in _CONTRACTIONS)])
_AROUND_KNOWN = rf"(?s)\A((?:{_BEFORE})*?)({_KNOWN})(\.?{_TAIL})\z"
_AROUND_OTHER = rf"(?s)\A((?:{_BEFORE})*)(.*?)({_TAIL})\z"


def english_words(chunks: "tf.Tensor") -> "tf.RaggedTensor":
    """Cuts what stands between spaces into words.

    Args:
        chunks: (W,) strings without spaces, UTF-8.

    Returns:
        The words of each, strings of shape (W, None).

    Example:
        >>> import tensorflow as tf
        >>> english_words(tf.constant(["'Don't", "U.S.", "Bob's...", "$5"])).to_list()
        [[b"'", b'Do', b"n't"], [b'U.S.'], [b'Bob', b"'s", b'...'], [b'$', b'5']]
    """
    import tensorflow as tf

    is_known = tf.strings.regex_full_match(chunks, _AROUND_KNOWN)
    before, middle, behind = (
        tf.where(
            is_known,
            tf.strings.regex_replace(chunks, _AROUND_KNOWN, rf"\{group}"),
            tf.strings.regex_replace(chunks, _AROUND_OTHER, rf"\{group}"),
        )
        for group in (1, 2, 3)
    )
    stopped = tf.strings.regex_replace(middle, _FULL_STOP, r"\1 .")
    measured = tf.strings.regex_replace(stopped, _MEASURE, r"\1 \2\3")
    contractions = [
        (rf"\A({head})({tail})({end})\z", r"\1 \2 \3") for head, tail, end in _CONTRACTIONS
    ]
    is_one = tf.strings.regex_full_match(middle, _NO_CONTRACTIONS)
    known = tf.where(is_one, middle, replaced(middle, contractions))
    parts = (
        tf.strings.regex_replace(before, _BEFORE, r"\0 "),
        tf.where(is_known, known, replaced(measured, _INSIDE)),
        tf.strings.regex_replace(behind, _BEHIND, r" \0"),
    )
    return split_at_spaces(tf.strings.join(parts))


def split_at_spaces(texts: "tf.Tensor") -> "tf.RaggedTensor":
    """What stands between spaces, but not between other white space.

    Args:
        texts: (B,) strings.

    Returns:
        Strings of shape (B, None), none of them empty.
    """
    import tensorflow as tf

    parts = tf.strings.split(texts, " ")
    return tf.ragged.boolean_mask(parts, parts != "")


def replaced(texts: "tf.Tensor", rules: Iterable[tuple[str, str]]) -> "tf.Tensor":
    """Texts in which each expression in turn has been replaced, wherever it is found.

    Args:
        texts: strings of any shape.
        rules: expressions and replacements, in RE2's syntax.
    """
    import tensorflow as tf

    for expression, replacement in rules:
        texts = tf.strings.regex_replace(texts, expression, replacement)
    return texts
