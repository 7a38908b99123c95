# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a head is on what was held back from it: pictures of held-back clips, an unseen camera, lips in time.

`evaluate.evaluate` is the job's handler and measures everything; `final_metrics` is what a training run measures at its
end.
"""

from .evaluation_tables import evaluation_tables
from .evaluator import Evaluator
from .face_opacity import measure_face_opacity, opacity_warning
from .final_metrics import final_metrics
from .voices import Lips, head_lips, measure_voices

__all__ = [
    "Evaluator",
    "Lips",
    "evaluation_tables",
    "final_metrics",
    "head_lips",
    "measure_face_opacity",
    "measure_voices",
    "opacity_warning",
]
