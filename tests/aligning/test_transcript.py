# SPDX-License-Identifier: GPL-3.0-or-later
"""From a text to the words that are spoken."""

import pytest

from talksplat.core.aligning.heard_phones import phone
from talksplat.core.aligning.pronunciations import _dictionary, pronunciations
from talksplat.core.aligning.spoken_numbers import cardinal, spoken_number
from talksplat.core.aligning.transcript import read_transcript
from talksplat.core.formats import UserError


@pytest.fixture
def words(tmp_path):
    """words(text) -> the words of a file with it."""

    def read(text, name="line.txt"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_transcript(tmp_path / name)

    return read


def test_marks_stage_directions_and_speakers_are_not_spoken(words):
    text = "ANNA: “Well—what?” [laughs]\n- *sighs* No…\nMR. O'NEILL: It’s <i>fine</i>."
    assert [word.label for word in words(text)] == ["Well", "what", "No", "It's", "fine"]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("$1,234.50", "one thousand two hundred thirty four point five zero dollars"),
        ("1984", "nineteen eighty four"),
        ("1904", "nineteen oh four"),
        ("1900", "nineteen hundred"),
        ("2000", "two thousand"),
        ("1980s", "nineteen eighties"),
        ("21st", "twenty first"),
        ("30th", "thirtieth"),
        ("50%", "fifty percent"),
        ("007", "zero zero seven"),
        ("&", "and"),
        ("well-known", "well known"),
    ],
)
def test_figures_and_signs_are_read_out_and_shown_as_written(words, text, spoken):
    [word] = words(text)
    assert word == (text, tuple(spoken.split()), 0.0, float("inf"))


def test_every_number_is_words_of_the_dictionary():
    """Numbers of one group are told apart, and 10^9 + n is "one billion" and n."""
    spoken = {tuple(cardinal(value)) for value in range(10_000)}
    assert len(spoken) == 10_000
    assert {word for words in spoken for word in words} <= set(_dictionary())
    assert cardinal(1_000_000_042) == ["one", "billion", *cardinal(42)]
    assert spoken_number("9" * 400) == ["nine"] * 400  # digit by digit
    assert spoken_number("left") == []


def test_subtitles_say_between_which_times_their_words_are(words):
    found = words("1\n00:00:01,000 --> 00:00:02,500\nbin <i>blue</i>\n", "cue.srt")
    assert [(word.label, word.first, word.last) for word in found] == [("bin", 1.0, 2.5), ("blue", 1.0, 2.5)]


@pytest.mark.parametrize("text", ["[music]", "… — !", "a " * 20_001])
def test_a_text_without_words_or_with_too_many_is_told(words, text):
    with pytest.raises(UserError, match=r"line\.txt.*words"):
        words(text)


def test_a_file_that_has_times_already_is_not_read_out(words):
    with pytest.raises(UserError, match="choose it as the words"):
        words("0 25000 bin\n", "line.align")
    with pytest.raises(UserError, match="choose it as the words"):
        words("0.5\t0.75\tbin\n")


def test_a_word_may_be_spoken_in_several_ways():
    assert pronunciations(("the",)) == [("DH", "AH"), ("DH", "IY")]
    assert pronunciations(("b.b.c.",)) == pronunciations(("bbc",)) == [tuple("B IY B IY S IY".split())]


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("blorp", "B L AO R P"),
        ("zuckermann's", "Z AH K ER M AH N Z"),
        ("smith's", "S M IH TH S"),
        ("dogs'", "D AO G Z"),
    ],
)
def test_names_that_no_dictionary_has_are_spoken_by_their_letters(word, phones):
    assert pronunciations((word,))[0] == tuple(phones.split())


@pytest.mark.parametrize("word", ["日本", "größe", "q", "'", "xkcd", "a" * 40])
def test_whatever_is_written_has_phones_that_can_be_heard(word):
    assert all(phones and [phone(name) for name in phones] for phones in pronunciations((word,)))
