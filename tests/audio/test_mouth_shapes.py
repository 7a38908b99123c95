# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth's shape of a sound: in pieces as at once, later where the sound is later, the same for a whisper level,
at rest where nobody speaks, and a closed mouth where lips meet."""

import json
from pathlib import Path

import numpy as np
import pytest

import talksplat
from talksplat.core.audio import (
    ENCODERS,
    MOUTH_MEASURES,
    PHONE_CLASSES,
    SOUND_RATE,
    Sound,
    load_sound,
    measure_mouth,
    moonshine,
    mouth_net_card,
    mouth_shapes,
    person_range,
    relative_bands,
)
from talksplat.core.audio.mouth_net import (
    FORMAT,
    MOUTH_NET,
    REACH,
    MouthNet,
    load_mouth_net,
    mouth_net_shapes,
    product,
)
from talksplat.core.formats import UserError, read_metadata, read_tensors, write_tensors
from talksplat.core.metrics import bilabial_spans, read_align
from talksplat.core.rigging.directions import MEASURES
from talksplat.samples.mouth_net.held_vowels import hold
from talksplat.samples.mouth_net.non_speech import KINDS, make_non_speech

NAMES = [measure.name for measure in MOUTH_MEASURES]
APART = NAMES.index("lips_apart")
SAMPLES = Path(talksplat.__file__).parent / "samples"


@pytest.fixture(scope="module")
def voice() -> Sound:
    return load_sound(SAMPLES / "voice.wav")


@pytest.fixture(scope="module")
def heard(voice) -> np.ndarray:
    return ENCODERS["mouth_shapes"].encode(voice).values


def test_the_channels_are_the_measures_and_then_the_phones(heard):
    assert heard.shape[1] == len(MOUTH_MEASURES) + len(PHONE_CLASSES) == ENCODERS["mouth_shapes"].channels
    assert heard[:, : len(NAMES)].min() >= 0
    assert np.allclose(heard[:, len(NAMES) :].sum(axis=1), 1, atol=1e-5)


def test_in_pieces_as_at_once(voice, heard, monkeypatch):
    monkeypatch.setattr(mouth_shapes, "BLOCK", 37)
    assert np.allclose(ENCODERS["mouth_shapes"].encode(voice).values, heard, atol=1e-5)


def test_an_hour_needs_no_more_memory_than_its_block(monkeypatch):
    """What is held of the speech features does not grow with the sound."""
    held = []
    keep = mouth_shapes._ProjectedSpeech._keep
    monkeypatch.setattr(
        mouth_shapes._ProjectedSpeech, "_keep", lambda s, a, b: held.append(keep(s, a, b) or len(s._values))
    )
    for piece in ENCODERS["mouth_shapes"].pieces(Sound(np.zeros(40 * SOUND_RATE, np.float32))):
        assert len(piece) <= mouth_shapes.BLOCK
    assert max(held) < 10 * 42 + 2 * 83 + 30


def test_a_minute_is_encoded_once_and_a_third(monkeypatch):
    """It was twice, so that 100 times real time was out of reach."""
    passes = []
    encode = moonshine.encode_span
    monkeypatch.setattr(moonshine, "encode_span", lambda samples: passes.append(len(samples)) or encode(samples))
    for _ in ENCODERS["mouth_shapes"].pieces(Sound(np.zeros(60 * SOUND_RATE, np.float32))):
        pass
    assert sum(passes) < 1.45 * 60 * SOUND_RATE


def test_a_later_sound_moves_the_mouth_later(voice, heard):
    """By 10, 50 and 320 ms: the lips follow within what the speech features' spans let through."""
    for hops in (1, 5, 32):
        late = Sound(np.concatenate([np.zeros(hops * mouth_shapes.HOP, np.float32), voice.samples]))
        shifted = ENCODERS["mouth_shapes"].encode(late).values[hops : hops + len(heard), APART]
        r = [np.corrcoef(heard[30:-30, APART], np.roll(shifted, k)[30:-30])[0, 1] for k in range(-6, 7)]
        assert abs(int(np.argmax(r)) - 6) <= 1, (hops, r)
        assert r[6] > 0.95


def test_the_bands_are_later_by_exactly_that():
    noise = np.random.default_rng(0).normal(size=SOUND_RATE).astype(np.float32) * 0.1
    late = Sound(np.concatenate([np.zeros(7 * mouth_shapes.HOP, np.float32), noise]))
    assert np.array_equal(
        relative_bands.relative_bands(Sound(noise), -30, 200), relative_bands.relative_bands(late, -23, 200)
    )


def test_thirty_decibels_less_are_the_same_lips(voice, heard):
    quiet = ENCODERS["mouth_shapes"].encode(Sound((voice.samples * 10 ** (-30 / 20)).astype(np.float32))).values
    assert np.corrcoef(quiet[:, APART], heard[:, APART])[0, 1] > 0.98
    assert np.abs(quiet[:, APART] - heard[:, APART]).mean() < 0.05


def test_in_silence_the_mouth_rests():
    values = ENCODERS["mouth_shapes"].encode(Sound(np.zeros(3 * SOUND_RATE, np.float32))).values
    rest = np.array([measure.rest for measure in MOUTH_MEASURES])
    assert np.abs(values[:, : len(rest)] - rest).max() < 0.2
    assert values[:, NAMES.index("lips_apart")].max() < 0.15


def test_a_vowel_that_is_held_for_seconds_keeps_the_mouth_open(voice, heard):
    """It was taken for a machine's hum after the first second, and the mouth closed."""
    times, spoken, held = ENCODERS["mouth_shapes"].times(voice), [], []
    for middle in (0.8, 1.3, 1.8, 2.0):
        first, last = (round((middle + side) * SOUND_RATE) for side in (-0.03, 0.03))
        longer = hold(voice.samples, first, last, round(2.5 * SOUND_RATE), np.random.default_rng(1))
        sound = Sound(np.concatenate([voice.samples[:first], longer, voice.samples[last:]]))
        features = ENCODERS["mouth_shapes"].encode(sound)
        late = (features.times > middle + 1) & (features.times < middle + 2.4)
        held.append(features.values[late, APART].mean())
        spoken.append(heard[np.abs(times - middle).argmin(), APART])
    assert np.mean(held) > 0.5 * np.mean(spoken)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_nobody_says_moves_no_mouth(kind, heard):
    """Against sounds of other seeds than those that the net was trained on."""
    sound = Sound(make_non_speech(6.0, np.random.default_rng(987), kind))
    apart = ENCODERS["mouth_shapes"].encode(sound).values[:, APART]
    assert np.mean(apart) < 0.2
    assert apart.std() < 0.35 * heard[:, APART].std()


def test_the_lips_meet_in_the_voice_that_ships(heard, voice):
    """'set green by c six now': the b of by, at 0.98 s in its words' times, is the least open moment of the speech."""
    times = ENCODERS["mouth_shapes"].times(voice)
    [span] = bilabial_spans(read_align(SAMPLES / "voice.align"))
    inside = (times >= span.start) & (times <= span.end)
    speech = (times > 0.6) & (times < 2.2)
    low, high = np.percentile(heard[speech, APART], [2, 95])
    assert heard[inside, APART].min() < low + 0.2 * (high - low)


def test_the_table_and_the_card_say_the_same():
    card = mouth_net_card()
    assert card["measures"] == NAMES
    assert tuple(card["phone_classes"]) == PHONE_CLASSES
    assert set(card) >= {"trained_on", "held_back", "seed", "licence"}


def test_every_source_has_its_licence():
    """Each data set on the card, with its licence, is in the attributions that ship beside the weights."""
    text = (MOUTH_NET.parent / "LICENSES.md").read_text(encoding="utf-8")
    for row in mouth_net_card()["trained_on"]:
        assert row["source"] in text
        assert row["licence"] in text


def test_a_measure_that_a_rig_has_too_is_the_same_measure():
    landmarks = np.random.default_rng(0).normal(size=(5, 68, 3))
    rigs = {measure.name: measure for measure in MEASURES}
    shared = [measure for measure in MOUTH_MEASURES if measure.name in rigs and measure.terms]
    assert len(shared) >= 5
    for measure in shared:
        assert np.allclose(measure.of(landmarks), rigs[measure.name].of(landmarks))


def test_a_person_range_takes_out_size_and_place():
    rng = np.random.default_rng(0)
    landmarks = rng.normal(size=(200, 68, 3))
    values, moved = measure_mouth(landmarks), measure_mouth(7.0 * landmarks + rng.normal(size=3))
    (low, high), (low2, high2) = person_range(values), person_range(moved)
    assert np.allclose((values - low) / (high - low), (moved - low2) / (high2 - low2), equal_nan=True)
    assert np.isnan(low).tolist() == [not measure.terms for measure in MOUTH_MEASURES]


@pytest.mark.parametrize("shape", [(0, 5, 7), (1, 96, 96), (29, 96, 96), (200, 120, 96), (3, 600, 700)])
def test_a_product_in_blocks_is_the_product(shape):
    rng = np.random.default_rng(0)
    rows, weight = (rng.normal(size=size).astype(np.float32) for size in (shape[:2], shape[1:]))
    assert np.allclose(product(rows, weight), rows @ weight, atol=1e-3)


def test_a_net_is_its_layers_by_hand():
    """One moment in the plainest loops."""
    rng = np.random.default_rng(0)
    tensors = {name: rng.normal(size=shape).astype(np.float32) / 8 for name, shape in mouth_net_shapes().items()}
    net, speech, bands = MouthNet(tensors), rng.normal(size=(2 * REACH + 3, 96)), rng.normal(size=(2 * REACH + 3, 8))
    out = net(speech.astype(np.float32), bands.astype(np.float32))
    assert out.shape == (3, ENCODERS["mouth_shapes"].channels)

    def hidden(n: int, layer: int, t: int) -> np.ndarray:
        if layer == 0:
            x = np.concatenate([speech[t], bands[t - 2], bands[t], bands[t + 2]])
            return np.maximum(x @ tensors["input.weight"][n] + tensors["input.bias"][n], 0)
        step, weight = (4, 8, 16)[layer - 1], tensors[f"step{layer - 1}.weight"][n]
        taps = sum(hidden(n, layer - 1, t + (i - 1) * step) @ weight[i] for i in range(3))
        return hidden(n, layer - 1, t) + np.maximum(taps + tensors[f"step{layer - 1}.bias"][n], 0)

    for t in range(3):
        each = [hidden(n, 3, REACH + t) @ tensors["output.weight"][n] + tensors["output.bias"][n] for n in range(2)]
        y = np.mean(each, axis=0)
        measures, odds = np.clip(y[: len(NAMES)], 0, 1.25), np.exp(y[len(NAMES) :] - y[len(NAMES) :].max())
        assert np.allclose(out[t], np.concatenate([measures, odds / odds.sum()]), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t, m: m.update(format="talksplat.head"), "not a net for mouth shapes"),
        (lambda t, m: m.update(card="{"), "JSON cannot be read"),
        (lambda t, m: m.update(card="[]"), "does not name its channels"),
        (lambda t, m: m.update(card=json.dumps({"measures": ["jaw"], "phone_classes": []})), "another version"),
        (lambda t, m: t.pop("input.bias"), "tensors are not those"),
        (lambda t, m: t.update({"input.bias": np.zeros((1, 9), np.float16)}), "tensors are not those"),
        (lambda t, m: t.update({"output.bias": np.full_like(t["output.bias"], np.nan)}), "not finite"),
    ],
)
def test_a_damaged_net_is_an_error_that_names_it(tmp_path, change, sentence):
    tensors, metadata = read_tensors(MOUTH_NET)[0], dict(read_metadata(MOUTH_NET))
    assert metadata["format"] == FORMAT
    change(tensors, metadata)
    write_tensors(tmp_path / "bad.safetensors", tensors, metadata)
    with pytest.raises(UserError, match=rf"bad\.safetensors.*{sentence}"):
        load_mouth_net(tmp_path / "bad.safetensors")


def test_a_net_that_is_cut_short_is_an_error(tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(MOUTH_NET.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"cut\.safetensors"):
        load_mouth_net(path)
