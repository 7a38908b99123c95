# SPDX-License-Identifier: GPL-3.0-or-later
"""The 68 iBUG landmarks among MediaPipe's 478.

Order of iBUG 300-W: 0-16 the jaw from the picture's left ear to its right, 17-21 and 22-26 the brows, 27-30 the bridge
of the nose, 31-35 its base, 36-41 and 42-47 the eyes, 48-59 the outer lips, 60-67 the inner lips (62 upper, 66 lower).

MediaPipe's mesh has no point that was trained as an iBUG landmark: these are its nearest vertices. The usual list in
the field, checked by eye on a drawn picture; the jaw (0-16) lies a little inside the contour that iBUG annotators draw.
"""

import numpy as np

JAW = (162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389)
BROWS = (71, 63, 105, 66, 107, 336, 296, 334, 293, 301)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
OUTER_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
INNER_LIPS = (78, 82, 13, 312, 308, 317, 14, 87)

IBUG68 = np.array(JAW + BROWS + NOSE + EYES + OUTER_LIPS + INNER_LIPS)  # [68] indices into a FaceDetection's points
