# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of a TalkingGaussian / ER-NeRF dataset folder, and its one clock.

    aud.wav au.csv bc.jpg  transforms_train.json transforms_val.json
    gt_imgs/0.jpg  ori_imgs/0.jpg 0.lms  parsing/0.png  teeth_mask/0.npy  torso_imgs/0.png

What it means in our terms: cameras in er_nerf_cameras.py, masks in er_nerf_parsing.py, au.csv in action_units.py.
"""

from ..audio import SOUND_RATE

RATE = 25  # pictures a second; the layout has no other
SAMPLES = SOUND_RATE // RATE  # of sound a picture
REMAKE = "make the data set again"  # the fix in the messages
