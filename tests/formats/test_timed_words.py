# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and their times: one sentence written in every format reads alike, and hostile files end in one sentence."""

import tracemalloc

import pytest

from talksplat.core.formats import TimedLabel, UserError, read_words, words_beside, write_textgrid

WORDS = [(0.5, 0.75, "bin"), (0.75, 1.25, "blue"), (1.5, 2.0, 'say "p"')]
PHONES = [(0.5, 0.6, "b"), (0.6, 0.75, "p")]


def long_grid(tiers, end=2.5):
    """As Praat saves a TextGrid."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, labels) in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += ["        xmin = 0 ", f"        xmax = {end} ", f"        intervals: size = {len(labels)} "]
        for i, (a, b, label) in enumerate(labels, 1):
            quoted = label.replace('"', '""')
            lines += [f"        intervals [{i}]:", f"            xmin = {a} ", f"            xmax = {b} "]
            lines += [f'            text = "{quoted}" ']
    return "\n".join(lines)


def short_grid(tiers, end=2.5):
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", f"{end}", "<exists>", f"{len(tiers)}"]
    for name, labels in tiers:
        lines += ['"IntervalTier"', f'"{name}"', "0", f"{end}", f"{len(labels)}"]
        for a, b, label in labels:
            quoted = label.replace('"', '""')
            lines += [str(a), str(b), f'"{quoted}"']
    return "\n".join(lines)


def clock(seconds, point=","):
    return f"{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{seconds % 60:06.3f}".replace(".", point)


def srt():
    return "\r\n".join(f"{i}\r\n{clock(a)} --> {clock(b)}\r\n<i>{w}</i>\r\n" for i, (a, b, w) in enumerate(WORDS, 1))


def vtt():
    cues = "\n".join(f"{clock(a, '.')[3:]} --> {clock(b, '.')} align:start\n{w}\n" for a, b, w in WORDS)
    return f"WEBVTT\n\nNOTE not a word\n\n{cues}"


FULL = [(0.0, 0.5, "sil"), *WORDS[:2], (1.25, 1.5, ""), WORDS[2], (2.0, 2.5, "<p:>")]
TIERS = [("Anna - words", FULL), ("Anna - phones", PHONES)]
FILES = {
    "long.TextGrid": long_grid(TIERS),
    "short.TextGrid": short_grid(TIERS),
    "comments.TextGrid": short_grid(TIERS).replace("<exists>", "! 12 intervals\n<exists>"),
    "phones_first.TextGrid": long_grid(TIERS[::-1]),
    "silences_first.TextGrid": long_grid([("silences", [(0.0, 0.5, "silent"), (0.5, 2.0, "sounding")]), *TIERS]),
    "maus.TextGrid": long_grid([("MAU", PHONES), ("ORT-MAU", FULL)]),
    "cues.srt": srt(),
    "cues.vtt": vtt(),
    "audacity.lab": "\n".join(f"{a}\t{b}\t{w}" for a, b, w in FULL if w),
    "htk.lab": "\n".join(f"{round(a * 1e7)} {round(b * 1e7)} {w.split()[0]} -12.5" for a, b, w in FULL if w),
    "grid.align": "\n".join(f"{round(a * 25000)} {round(b * 25000)} {w.split()[0]}" for a, b, w in FULL if w),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", FILES)
def test_one_sentence_reads_alike_in_every_format(tmp_path, name, encoding):
    path = tmp_path / name
    path.write_bytes(FILES[name].encode(encoding))
    timings = read_words(path)
    cut = name in ("htk.lab", "grid.align")  # a label is one word there
    assert [word.label for word in timings.words] == [w.split()[0] if cut else w for _, _, w in WORDS]
    times = [time for word in timings.words for time in word[:2]]
    assert times == pytest.approx([time for word in WORDS for time in word[:2]], abs=1e-3)
    assert [phone.label for phone in timings.phones] == (["b", "p"] if "TextGrid" in name else [])


def test_words_within_a_cue_have_the_cues_own_times(tmp_path):
    path = tmp_path / "captions.vtt"
    path.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nset<00:01.250><c> white</c><00:01.500><c> &amp; blue</c>\n")
    assert read_words(path).words == ((1.0, 1.25, "set"), (1.25, 1.5, "white"), (1.5, 2.0, "& blue"))


def test_letters_of_an_older_praat(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(short_grid([("words", [(0.0, 1.0, "für")])]).encode("latin-1"))
    assert read_words(path).words[0].label == "für"


def test_the_file_beside_a_sound(tmp_path):
    sound = tmp_path / "take 3.wav"
    assert words_beside(sound) == ""
    for name in ("take 3.lab", "take 3.srt", "take 3.TextGrid"):
        (tmp_path / name).write_text("x")
        assert words_beside(sound) == str(tmp_path / name), "the better one of those that are there"


HOSTILE = {
    "empty": b"",
    "nothing but silence": b"0 10000000 sil",
    "binary": bytes(range(256)) * 8,
    "cut short": long_grid(TIERS)[:400].encode(),
    "claims a billion tiers": short_grid(TIERS).replace("<exists>\n2", "<exists>\n1000000000").encode(),
    "claims endless intervals": short_grid(TIERS).replace("2.5\n6", "2.5\n1e999").encode(),
    "text in place of numbers": short_grid(TIERS).replace("0.75", '"x"').encode(),
    "two points": short_grid(TIERS).replace("0.75", "0.7.5").encode(),
    "no times": b"hello world",
    "end before start": b"50000000 0 word",
    "nan": b"nan nan word.",
    "times past the end of the world": b"0 " + b"9" * 400 + b" word",
    "VTT without cues": b"WEBVTT\n\nhello",
    "blank lines": b"\n" * 1_000_000 + b"x",
    "quotes": b'"ooTextFile" "TextGrid" ' + b'"' * 1_000_001,
    "too large": b" " * ((16 << 20) + 1),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_end_in_one_sentence(tmp_path, kind):
    path = tmp_path / "words.TextGrid"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(UserError, match=r"words\.TextGrid") as caught:
        read_words(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("letter", ["a", '"'])
def test_a_label_of_a_megabyte_takes_no_more_than_a_few(tmp_path, letter):
    """Blender reads these files in its own process: one of 16 MB must not take it gigabytes."""
    path = tmp_path / "a.TextGrid"
    path.write_text(f'"ooTextFile"\n"TextGrid"\n0\n2\n<exists>\n1\n"{letter * (1 << 20)}"\n')
    tracemalloc.start()
    with pytest.raises(UserError, match=r"a\.TextGrid"):
        read_words(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 << 20


def test_a_textgrid_that_we_write_is_read_as_it_was(tmp_path):
    """Silences before, between and behind the words are left out again; the tiers last as long as the sound."""
    tiers = {"words": [TimedLabel(*word) for word in WORDS], "phones": [TimedLabel(*phone) for phone in PHONES]}
    path = tmp_path / "a.TextGrid"
    write_textgrid(path, tiers, 2.5)
    read = read_words(path)
    assert ([*read.words], [*read.phones]) == (tiers["words"], tiers["phones"])
    text = path.read_text(encoding="utf-8")
    assert text.count("xmax = 2.500000") == 1 + 2 * 2  # of the file, of each tier and of its last interval
    assert text.count("intervals: size = 6") == 1  # words with the silences before, between and behind them


def test_a_textgrid_without_labels_is_one_silence(tmp_path):
    write_textgrid(tmp_path / "a.TextGrid", {"words": []}, 1.0)
    with pytest.raises(UserError, match="holds no words"):
        read_words(tmp_path / "a.TextGrid")
