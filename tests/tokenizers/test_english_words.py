"""English words, cut by hand after the rules of spaCy's tokenizer."""

import pytest
import tensorflow as tf

from tfzoo.tokenizers.english_words import english_words, replaced, split_at_spaces

# One per line: the chunk that its words make when they are joined.
SIGNS = """
end .
' end . '
foo :
foo : .
... and
and ...
wait ... what
$ 10.50 .
US$ 5
# tag
@me
a&b
& amp
> > > > >
\u00ab quoi \u00bb
\u2122 x \u00a9
' 90s
rock'n'roll
James '
x 's .
Bob 's ...
BOB 'S
foo ' .
court . 'Hath
TIMON'S.
< b >
\u4f60\u597d
"""
STOPS = """
Mr.
St.
Ph.D.
e.g.
vs.
U.S.
U.K
I.
x.
xx .
USA .
5 .
No .
it . The
www.foo.com
3.8
.5
v2.0 .
"""
NUMBERS = """
10 km .
5 m\u00b2
\u00a3 50 m
50 % .
10 pm
12 a.m.
13pm
10:30
2 ^ 3
"""
CONTRACTIONS = """
' Do n't
do n't '
ca n't .
ca nt
can not
sha n't 've
DON'T
I 'm
i m
I 'd 've
it 's
its
were
were n't
we d
well
what 're
what s '
who 'll
mother'll
how 'd 'y
y' all
y all
let 's
this 'd
those 'll 've
that've
c'm on
gon na
Got ta
goin'
goin
o'clock
'em '
' 'em
'cause
' Tis
not 've
"""
OTHERS = """
:p
: '
>:o
<3
o.O
a : b : c : d
http :
1a : b
"""


@pytest.mark.parametrize("table", [SIGNS, STOPS, NUMBERS, CONTRACTIONS, OTHERS])
def test_words(table):
    expected = [line.split() for line in table.strip().split("\n")]
    chunks = tf.constant(["".join(words) for words in expected])
    assert len(expected) >= 8
    words = english_words(chunks).to_list()
    assert [[word.decode() for word in row] for row in words] == expected


def test_a_line_break_is_a_word_and_nothing_is_none():
    assert split_at_spaces(tf.constant([" \n  a ", " ", ""])).to_list() == [[b"\n", b"a"], [], []]
    assert english_words(tf.constant(["\n"])).to_list() == [[b"\n"]]
    assert english_words(tf.constant([], tf.string)).to_list() == []


def test_every_rule_finds_what_those_before_it_have_left():
    rules = [("a+", "b"), ("bb", "c")]
    assert replaced(tf.constant(["aaba", "ab"]), rules).numpy().tolist() == [b"cb", b"c"]
