# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh without what is not the head, and without the steps of its grid. Letters: V vertices, F faces, E edges."""

import numpy as np

SMOOTHING = (0.5, -0.52)  # Taubin, "A signal processing approach to fair surface design", 1995: in, and out again
ROUNDS = 4


def largest_part(vertices: np.ndarray, quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected part with the most faces, its vertices numbered anew."""
    label = _labels(len(vertices), edges_of(quads))
    of_face = label[quads[:, 0]]
    kept = quads[of_face == np.bincount(of_face).argmax()]
    used, renumbered = np.unique(kept, return_inverse=True)
    return vertices[used], renumbered.reshape(kept.shape)


def edges_of(quads: np.ndarray) -> np.ndarray:
    """[4F,2]: the sides of all faces, each as often as a face has it, smaller vertex first."""
    return np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)


def _labels(count: int, edges: np.ndarray) -> np.ndarray:
    """[V]: the smallest vertex that each is connected with."""
    label = np.arange(count)
    while True:
        before = label.copy()
        smaller = label[edges].min(axis=1)
        for end in edges.T:
            np.minimum.at(label, label[end], smaller)
        label = label[label]
        if (label == before).all():
            return label


def smoothed(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """[V,3]: the vertices without ripples as short as an edge; the volume stays."""
    edges = np.unique(edges_of(quads), axis=0)
    ends = np.concatenate([edges, edges[:, ::-1]])
    degree = np.bincount(ends[:, 0], minlength=len(vertices))[:, None]
    for share in SMOOTHING * ROUNDS:
        total = np.zeros_like(vertices)
        np.add.at(total, ends[:, 0], vertices[ends[:, 1]])
        vertices = vertices + share * (total / degree - vertices)
    return vertices
