# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a file's timeline Blender skips before it plays the first sample.

The core places sound where the file's time stamps say; Blender plays from the first sample that it decodes, so that a
sound which starts 0.7 s into a film is heard 0.7 s early. Both end with the same sample: what the core's timeline is
longer is what Blender skips. Encoder delay, which some Blender versions play and some do not, is in it too (below 0).
"""

import aud

RATE = 4000  # Hz: a quarter of a millisecond, and 58 MB for an hour
SMALLEST = 0.002  # seconds; less is rounding


def measure_lag(path: str, duration: float) -> float:
    """Seconds of the core's timeline at which Blender starts to play the sound at the absolute path.

    duration: seconds of the sound on the core's timeline. 0 for what Blender cannot decode: it plays nothing then.
    """
    try:
        sound = aud.Sound.file(path)
        if not sound.specs[0]:  # opens the file: `data` of one that cannot be opened aborts Blender 5.0
            return 0.0
        samples = sound.rechannel(1).resample(RATE, 0).data()
    except aud.error:  # pyright: ignore[reportGeneralTypeIssues]  (an exception; the stub says a type)
        return 0.0
    lag = duration - len(samples) / RATE
    return lag if duration > 0 and abs(lag) >= SMALLEST else 0.0
