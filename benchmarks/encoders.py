# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's audio nets by encoder: how well they predict lips in the own voice and in others', by seconds of footage.

Run: python -m benchmarks.encoders FOOTAGE --strangers VIDEO ... [--seconds 20 ...] [--encoders moonshine mouth_shapes]

Audio nets alone, as the first stage of `train` fits them, no pictures. For each encoder and each amount of train clips:
Pearson's r of the inner lip gap on the footage's test clips, and on videos of other people, whose lips MediaPipe tracks
(mean of the clips; every figure at shift 0). The gap is read from the codes of the face by a ridge regression on the
train clips.
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from talksplat.core.audio import ENCODERS, load_sound, windows_at
from talksplat.core.evaluation.landmark_detector import LandmarkDetector
from talksplat.core.footage import ClipSpeech, Footage, encode_clips
from talksplat.core.formats import Gaussians
from talksplat.core.head import Cloud, HeadModel
from talksplat.core.interchange import read_video
from talksplat.core.metrics import correlation, lip_gap
from talksplat.core.performance import BranchSettings
from talksplat.core.training.fit_audio_net import fit_audio_nets
from talksplat.core.training.silence_samples import collect_silence
from talksplat.core.training.training_settings import TrainingSettings

RIDGE = 1e-3  # of the moments' number
RATE = Fraction(25)  # pictures a second of other people's videos

Lips = tuple[Path, np.ndarray, np.ndarray]  # sound, [T] seconds, [T] lip gap in any unit


def first_seconds(speech: ClipSpeech, seconds: float) -> ClipSpeech:
    """The first clips, until they are as long; 0: all."""
    kept, length = {}, 0.0
    for clip, track in speech.tracks.items():
        if seconds and length >= seconds:
            break
        kept[clip], length = track, length + float(track.time[-1] - track.time[0])
    moments = speech.moments[np.isin(speech.moments[:, 0], list(kept))]
    return ClipSpeech({clip: speech.features[clip] for clip in kept}, kept, moments, speech.channels)


def fitted(footage: Footage, speech: ClipSpeech, encoder: str, seed: int) -> HeadModel:
    """A head without a face whose audio nets are fitted."""
    settings, point = TrainingSettings(encoder=encoder), np.zeros((1, 3), np.float32)
    one = Gaussians(
        point, np.eye(1, 4, dtype=np.float32), point + 1e-3, np.ones(1, np.float32), point, point[:, None][:, :0]
    )
    torch.manual_seed(seed)
    branches = {"face": BranchSettings.face(), "mouth": BranchSettings.mouth()}
    model = HeadModel(branches, speech.channels, {name: Cloud.from_gaussians(one) for name in branches})
    silence = collect_silence(footage, speech, encoder)
    rng = np.random.default_rng(seed)
    for _ in fit_audio_nets(model, speech, settings.audio_net, rng, silence, settings.silence_moments):
        pass
    return model


def codes_of(model: HeadModel, windows: np.ndarray) -> np.ndarray:
    """[M,8,C,2] -> [M,1+A]: the face's code, and 1."""
    with torch.no_grad():
        codes = model.codes(torch.from_numpy(windows))["face"].numpy().astype(np.float64)
    return np.concatenate([np.ones((len(codes), 1)), codes], axis=1)


def gap_weights(model: HeadModel, speech: ClipSpeech) -> np.ndarray:
    """[1+A]: the lip gap from a code."""
    codes = codes_of(model, speech.window_batch(np.arange(len(speech.moments))))
    gram = codes.T @ codes + RIDGE * len(codes) * np.eye(codes.shape[1])
    return np.linalg.solve(gram, codes.T @ lip_gap(speech.stack_tracks("landmarks").astype(np.float64)))


def mean_r(model: HeadModel, weights: np.ndarray, encoder: str, clips: list[Lips]) -> float:
    """Over the clips."""
    found = []
    for sound, times, gap in clips:
        windows = windows_at(ENCODERS[encoder].encode(load_sound(sound)), times)
        found.append(correlation(codes_of(model, windows) @ weights, gap))
    return float(np.mean(found))


def own_clips(footage: Footage) -> list[Lips]:
    """The footage's test clips."""
    tracks = [(footage.clips[clip].audio, footage.track(clip)) for clip in footage.clips_of("test")]
    return [(sound, track.time, lip_gap(track.landmarks.astype(np.float64))) for sound, track in tracks]


def tracked(videos: list[Path]) -> Iterator[Lips]:
    """Other people's; frames without a face are left out."""
    with LandmarkDetector() as detector:
        if detector.missing:
            raise SystemExit(detector.missing)
        for video in videos:
            frames = [(float(frame.time), detector.detect(frame.rgb / 255.0)) for frame in read_video(video, RATE)]
            seen = [(time, lip_gap(landmarks)) for time, landmarks in frames if landmarks is not None]
            times, gaps = np.array(seen).T
            yield video, times, gaps


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--strangers", type=Path, nargs="+", required=True, help="videos of other people")
    parser.add_argument("--seconds", type=float, nargs="+", default=[20.0, 0.0], help="of train clips; 0: all")
    parser.add_argument("--encoders", nargs="+", default=["moonshine", "mouth_shapes"], choices=list(ENCODERS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    footage = Footage.open(given.footage)
    own, strangers = own_clips(footage), list(tracked(given.strangers))
    print(f"lip gap r on {len(own)} test clips of {footage.name}, and on {len(strangers)} videos of other people")
    for encoder in given.encoders:
        whole = encode_clips(footage, "train", encoder)
        for seconds in given.seconds:
            speech = first_seconds(whole, seconds)
            model = fitted(footage, speech, encoder, given.seed)
            weights = gap_weights(model, speech)
            r = [mean_r(model, weights, encoder, clips) for clips in (own, strangers)]
            print(f"{encoder:14s} {len(speech.moments) / 25:6.0f} s   own {r[0]:.3f}   others {r[1]:.3f}", flush=True)


if __name__ == "__main__":
    main()
