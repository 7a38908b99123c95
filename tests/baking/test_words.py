# SPDX-License-Identifier: GPL-3.0-or-later
"""Words in a performance and in a bake: the lips close where they say, what was made without them stays what it was,
and other words are another shot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talksplat.core.audio import load_sound, measure_mouth
from talksplat.core.dispatch import run_job
from talksplat.core.formats import BakeHeader, BakeReader, TimedLabel, read_head, read_words, write_textgrid
from talksplat.core.jobs import Align, Bake, Failed, Finished, Perform, Warned
from talksplat.core.performance import Controls, HeadReplay, LandmarkCarrier, Performance, read_performance

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
HEAD, VOICE = str(SAMPLES / "sample.head"), str(SAMPLES / "voice.wav")
PLAIN = Controls(blinks=0.0)


def run(job):
    """(the last event, the warnings)."""
    events = list(run_job(job))
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1], [event.sentence for event in events if isinstance(event, Warned)]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The TextGrid of the sample sentence, "Set green by C six now."."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "line.txt").write_text("Set green by C six now.")
    out = folder / "line.TextGrid"
    run(Align(VOICE, str(folder / "line.txt"), str(out)))
    return str(out)


@pytest.fixture(scope="module")
def performances(words, tmp_path_factory):
    """(without words, with them)."""
    folder, made = tmp_path_factory.mktemp("performances"), []
    for name, used in (("without", ""), ("with", words)):
        run(Perform(HEAD, VOICE, str(folder / name), words=used))
        made.append(folder / name)
    return made


def gap(performance: Performance, times: np.ndarray) -> np.ndarray:
    """[T] mm."""
    carrier = LandmarkCarrier(read_head(HEAD))
    return 1000 * measure_mouth(carrier.track([performance.at(float(t), PLAIN) for t in times]))[:, 0]


def test_the_lips_close_further_in_the_b_that_the_words_name(performances, words):
    [b] = [phone for phone in read_words(words).phones if phone.label == "B"]
    times = np.arange(b.start - 0.03, b.end + 0.03, 0.01)
    without, sharpened = (gap(read_performance(path), times).min() for path in performances)
    assert sharpened < without
    assert sharpened < 1.0


def test_an_open_mouth_shuts_where_the_words_say_p(performances, words, tmp_path):
    """By hand an artist writes a p over a vowel, amid words that fit: there the lips shut."""
    timings = read_words(words)
    ay = next(phone for phone in timings.phones if phone.label == "AY")
    middle = (ay.start + ay.end) / 2
    forced = [phone for phone in timings.phones if phone != ay]
    forced += [TimedLabel(ay.start, middle - 0.04, "AA"), TimedLabel(middle - 0.04, middle + 0.04, "P")]
    forced += [TimedLabel(middle + 0.04, ay.end, "IY")]
    write_textgrid(tmp_path / "p.TextGrid", {"words": timings.words, "phones": sorted(forced)}, 3.0)
    run(Perform(HEAD, VOICE, str(tmp_path / "p"), words=str(tmp_path / "p.TextGrid")))
    times = np.arange(middle - 0.06, middle + 0.06, 0.01)
    before, after = (gap(read_performance(path), times).min() for path in (performances[1], tmp_path / "p"))
    assert after < 0.5 * before


def test_it_names_both_files_and_keeps_the_sound_s_own_blinks(performances, words):
    without, sharpened = map(read_performance, performances)
    assert (without.words_hash, without.words_name) == ("", "")
    assert (sharpened.audio_name, sharpened.words_name) == ("voice.wav", "line.TextGrid")
    assert sharpened.words_hash == read_words(words).phone_hash
    assert sharpened.audio_hash == without.audio_hash == load_sound(VOICE).content_hash
    assert sharpened._blink_seed == without._blink_seed  # words must not move a blink


def test_the_performance_without_words_is_the_one_that_ships(performances):
    shipped = read_performance(SAMPLES / "voice.performance")
    made = read_performance(performances[0])
    for branch, codes in shipped.audio.items():
        assert np.abs(made.audio[branch] - codes).max() < 1e-4


def test_words_of_another_text_change_nothing_and_are_told(performances, words, tmp_path):
    timings = read_words(words)
    moved = [TimedLabel(phone.start, phone.end, "SH" if i % 2 else "B") for i, phone in enumerate(timings.phones)]
    write_textgrid(tmp_path / "w.TextGrid", {"words": timings.words, "phones": moved}, 3.0)
    _, [warning] = run(Perform(HEAD, VOICE, str(tmp_path / "p"), words=str(tmp_path / "w.TextGrid")))
    assert warning.startswith("w.TextGrid: its words are not what is spoken here, so they change nothing")
    for branch, codes in read_performance(performances[0]).audio.items():
        assert np.abs(read_performance(tmp_path / "p").audio[branch] - codes).max() < 1e-4


def test_phones_of_an_unknown_alphabet_change_nothing_and_are_told(words, tmp_path):
    phones = [TimedLabel(0.5, 1.0, "你")]
    write_textgrid(tmp_path / "w.TextGrid", {"words": read_words(words).words, "phones": phones}, 3.0)
    _, [warning] = run(Perform(HEAD, VOICE, str(tmp_path / "p"), words=str(tmp_path / "w.TextGrid")))
    assert warning.startswith("w.TextGrid: its phones are not in ARPAbet, IPA or SAMPA, so they change nothing")


def test_a_head_that_listens_otherwise_says_that_words_serve_the_graph_alone(tiny_head, words, tmp_path):
    _, [warning] = run(Perform(str(tiny_head), VOICE, str(tmp_path / "p"), words=words))
    assert warning.startswith("line.TextGrid serves the speech graph alone: this head listens by ")
    assert read_performance(tmp_path / "p").words_hash == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no TextGrid at all", "is not `start end label`"),
        ('"ooTextFile" "TextGrid" 0 3 <exists> 1 "IntervalTier" "phones" 0 3 999999999', "is cut short"),
        ('"ooTextFile" "TextGrid" 0 3 <exists> 1 "IntervalTier" "words" 0 3 1 0 3 "hello"', "says nothing of phones"),
    ],
)
def test_a_hostile_textgrid_is_told_and_nothing_is_written(text, sentence, tmp_path):
    (tmp_path / "w.TextGrid").write_text(text)
    *_, end = run_job(Perform(HEAD, VOICE, str(tmp_path / "p"), words=str(tmp_path / "w.TextGrid")))
    assert isinstance(end, Failed), end
    assert "w.TextGrid" in end.sentence
    assert sentence in end.sentence
    assert not (tmp_path / "p").exists()


@pytest.fixture
def shot(tmp_path):
    """A bake of six frames around the b."""
    return Bake(HEAD, VOICE, str(tmp_path / "a.bake"), "24", 1, 6, -0.9, PLAIN)


def card_of(path):
    with open(path, "rb") as file:
        return BakeHeader(file, Path(path).stat().st_size, path).card


def test_bakes_with_and_without_words_are_two_shots_and_share_no_frame(shot, words, tmp_path):
    run(shot)
    plain = card_of(shot.out)
    sharpened = replace(shot, out=str(tmp_path / "b.bake"), words=words, reuse=shot.out)
    end, _ = run(sharpened)
    assert end.result["reused"] == 0
    card = card_of(sharpened.out)
    assert (plain.words_hash, plain.words) == ("", ())
    assert card.words_hash == read_words(words).phone_hash
    assert (tmp_path / card.words[0]).resolve() == Path(words).resolve()
    assert card.shot != plain.shot
    assert card.audio_hash == plain.audio_hash  # a render still knows the sound
    assert replace(card, words_hash="", words=()).shot == plain.shot  # bakes of before keep their keys
    with BakeReader.open(shot.out) as ours, BakeReader.open(sharpened.out) as theirs:
        assert any(np.any(ours.frame(n)[0] != theirs.frame(n)[0]) for n in range(1, 7))


def test_a_bake_whose_words_were_corrected_is_baked_anew(shot, words, tmp_path):
    run(replace(shot, words=words))
    timings = read_words(words)
    later = [TimedLabel(phone.start + 0.02, phone.end + 0.02, phone.label) for phone in timings.phones]
    write_textgrid(tmp_path / "w.TextGrid", {"words": timings.words, "phones": later}, 3.0)
    _, warnings = run(replace(shot, words=str(tmp_path / "w.TextGrid")))
    assert any("words_hash differ" in warning for warning in warnings)
    assert card_of(shot.out).words_hash == read_words(tmp_path / "w.TextGrid").phone_hash
    assert read_performance(tmp_path / "a.performance").words_name == "w.TextGrid"


def test_each_sound_of_a_shot_has_its_own_words_or_none(shot, words, tmp_path):
    two = replace(shot, more_audio=(VOICE,), audio_per_frame=(0, 0, 0, 1, 1, 1), more_words=(words,))
    run(two)
    assert [bool(read_performance(tmp_path / f"a{n}.performance").words_hash) for n in ("", ".2")] == [False, True]
    assert [bool(path) for path in card_of(two.out).words] == [False, True]
    *_, end = run_job(replace(two, more_words=(words, words)))
    assert end == Failed("more_words names 2 files for 1 sounds; give one each.")


def test_the_bake_shows_what_scrubbing_shows(shot, words, performances):
    run(replace(shot, words=words))
    posing, performance = HeadReplay(read_head(HEAD)), read_performance(performances[1])
    with BakeReader.open(shot.out) as baked:
        for frame in (1, 4):
            means = posing.at(performance.at((frame - 1) / 24 + 0.9, PLAIN), PLAIN, {}).means
            assert np.abs(baked.frame(frame)[0] - means).max() < 1e-4


def test_words_that_cannot_sharpen_say_why(words, tmp_path):
    """Words of a shot without a sound were passed over; a text without times was called a damaged list of labels."""
    script = tmp_path / "line.txt"
    script.write_text("Set green by C six now.")
    for job, said in (
        (Bake(HEAD, "", str(tmp_path / "a.bake"), frames="1", words=words), "without a sound"),
        (Bake(HEAD, VOICE, str(tmp_path / "a.bake"), frames="1", words=str(script)), "talksplat align"),
    ):
        *_, last = run_job(job)
        assert isinstance(last, Failed)
        assert said in last.sentence
