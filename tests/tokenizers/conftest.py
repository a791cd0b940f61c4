"""Texts that are hard to tokenize."""

import pytest


@pytest.fixture(scope="session")
def nasty_texts() -> list[str]:
    """White space, contractions, long words, scripts, control characters, spelled-out tokens."""
    return [
        "",
        " ",
        "   ",
        "\n",
        "a\n\n b\t c  \n",
        " leading and trailing ",
        "  two of each  ",
        "\r\n\r\nx\r",
        "it's we've I'LL 'S 'sad ''s don't'",
        "\u017f'\u017f 'K\u212a l'\u00e9t\u00e9",
        "x" * 3000,
        "ab" * 5000 + "c" * 200 + " " * 200 + "d",
        "caf\u00e9 cafe\u0301 \u00f1 \u1e9b\u0323 Stra\u00dfe \u0130\u0131",
        "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f",
        "\u4e2d\u6587 \u5b57 \u65e5\u672c\u8a9e\u30c6\u30b9\u30c8 \ud55c\uad6d \u0e44\u0e17\u0e22",
        "\x00a\x00\x00 b\x7f\x1b\x1c\x1d\x1e\x1f \x85\x80\u2028\u2029",
        "0123456789 \u00bd\u00b2\u2167 \u0661\u0662\u0663 3.14 1,000",
        "<s> <mask></s><pad>",
        "\u00ff\u00fe \u0100\u0101\u0120the \u010a",
        "\ufeffmark \ufffd\ufffe\uffff \ue000 \U000e0001 \U0010ffff",
        "\u00a0x\u00a0\u00a0y \u3000z\u3000 \u200b\u1680\u2003w",
        "====----____!!!!....",
    ]
