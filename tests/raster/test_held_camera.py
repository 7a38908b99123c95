# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera that stands still: each picture is that of a whole drawing to the bit, only what has changed is drawn."""

import numba
import numpy as np
import pytest

from talksplat.core.formats import UserError
from talksplat.core.raster import HeldCamera, held_view, numba_pipeline, rasterize
from talksplat.core.raster.constants import TILE_WIDE

PASSES = ("color", "alpha", "depth_expected", "depth_median", "extra")
N = 400


@pytest.fixture
def columns(make):
    """A cloud as arrays, with Gaussians of exactly equal depth among it."""
    arrays = {name: values.float().numpy().copy() for name, values in make.cloud(N, coefficients=3).items()}
    arrays["means"][1::7] = arrays["means"][:-1:7]
    return arrays


def assert_same(mine, expected):
    for name in PASSES:
        a, b = getattr(mine, name), getattr(expected, name)
        assert (a is None) == (b is None), name
        assert a is None or (a.shape == b.shape and a.tobytes() == b.tobytes()), name
    assert mine.density.depths.tobytes() == expected.density.depths.tobytes()
    assert mine.density.radii.tobytes() == expected.density.radii.tobytes()


def some(rng):
    """The rows of a few Gaussians, of many, of none or of all."""
    return rng.random(N) < rng.choice([0.01, 0.6, 0.0, 1.0])


CHANGES = {
    "nothing": lambda c, rows, rng: None,
    "a hair": lambda c, rows, rng: np.multiply(c["means"], np.float32(1 + 1e-7), out=c["means"], where=rows[:, None]),
    "across tiles": lambda c, rows, rng: c["means"].__setitem__(rows, 0.3 * rng.normal(size=(rows.sum(), 3))),
    "onto each other": lambda c, rows, rng: c["means"].__setitem__(rows, c["means"][0]),
    "behind the camera": lambda c, rows, rng: c["means"].__setitem__(rows, (0.8, -4.0, 0.6)),
    "turn": lambda c, rows, rng: c["quats"].__setitem__(rows, rng.normal(size=(rows.sum(), 4))),
    "grow": lambda c, rows, rng: c["scales"].__setitem__(rows, rng.uniform(0, 0.2, (rows.sum(), 3))),
    "fade": lambda c, rows, rng: c["opacities"].__setitem__(rows, rng.uniform(0, 1, rows.sum())),
    "vanish": lambda c, rows, rng: c["opacities"].__setitem__(rows, 0),
    "blush": lambda c, rows, rng: c["sh0"].__setitem__(rows, rng.normal(size=(rows.sum(), 3))),
    "shine": lambda c, rows, rng: c["shN"].__setitem__(rows, rng.normal(size=(rows.sum(), 3, 3))),
    "relabel": lambda c, rows, rng: c["extra"].__setitem__(rows, rng.normal(size=(rows.sum(), c["extra"].shape[1]))),
}


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
@pytest.mark.parametrize("depth", [False, True])
def test_any_run_of_changes_gives_the_bits_of_whole_drawings(make, columns, kind, depth):
    rng, camera, held = np.random.default_rng(3), make.view(kind=kind), HeldCamera()
    columns["extra"] = columns["extra"][:, : 2 * depth]  # with neither, the kernel is another
    for name in ["nothing", "nothing", *rng.permutation(list(CHANGES) * 4)]:
        CHANGES[name](columns, some(rng), rng)
        if name != "nothing":
            CHANGES[rng.choice(list(CHANGES))](columns, some(rng), rng)
        shared = {"camera": camera, "depth": depth, "background": np.array([0.1, 0.5, 0.9], np.float32)}
        assert_same(rasterize(**columns, **shared, held=held), rasterize(**columns, **shared))
        assert held.nbytes or name == "nothing"


def test_columns_that_never_change_are_not_compared_and_new_ones_are(make, columns):
    held, rng = HeldCamera(("shN", "sh0")), np.random.default_rng(5)
    for turn in range(5):
        columns["means"] = columns["means"] + np.float32(0.01) * rng.normal(size=(N, 3)).astype(np.float32)
        if turn == 3:
            columns["shN"] = columns["shN"] * np.float32(2)
        shared = {"camera": make.view(), "depth": True}
        assert_same(rasterize(**columns, **shared, held=held), rasterize(**columns, **shared))


def test_another_camera_background_size_or_degree_begins_anew(make, columns):
    held, views = HeldCamera(), [make.view(), make.view(width=71), make.view(shift=(0.0, 0.0))]
    few = {name: values[:50] for name, values in columns.items()}
    for options in (
        *({"camera": view} for view in views for _ in range(3)),
        *({"camera": views[0], "background": np.full(3, grey, np.float32)} for grey in (0, 0, 0.5, 0.5)),
        *({"camera": views[0], "sh_degree": degree} for degree in (1, 1, 0, 0, 1)),
        *({"camera": views[0], "depth": depth} for depth in (True, True, False, False)),
    ):
        for cloud in (columns, few, few):
            assert_same(rasterize(**cloud, **options, held=held), rasterize(**cloud, **options))


def test_a_moving_camera_keeps_nothing(make, columns):
    held = HeldCamera()
    for k in range(4):
        rasterize(**columns, camera=make.view(shift=(float(k), 0.0)), held=held)
        assert held.nbytes == 0


@pytest.fixture
def drawn_rows(monkeypatch):
    """A list to which each drawing of a held view adds how many rows of tiles it blends."""
    counts, original = [], held_view.rasterize_tiles

    def counted(splats, starts, entries, wanted, *others):
        counts.append(int(((wanted >> 8) - (wanted & 255)).sum()))
        original(splats, starts, entries, wanted, *others)

    monkeypatch.setattr(held_view, "rasterize_tiles", counted)
    return counts


def test_only_rows_of_tiles_with_what_has_changed_are_blended(make, columns, drawn_rows):
    held, camera = HeldCamera(), make.view(512, 512)
    columns["scales"] = np.minimum(columns["scales"], np.float32(0.01))
    for _ in range(3):
        rasterize(**columns, camera=camera, held=held)
    assert drawn_rows == [64 * 512]  # nothing moved after the first
    columns["opacities"][7] *= np.float32(0.5)
    picture = rasterize(**columns, camera=camera, held=held)
    across = 2 * picture.density.radii[7] + 2
    assert 1 <= drawn_rows[1] <= (across / TILE_WIDE + 2) * across


def test_a_picture_belongs_to_who_asked_for_it(make, columns):
    held, camera = HeldCamera(), make.view()
    expected = rasterize(**columns, camera=camera, depth=True)
    for _ in range(4):
        picture = rasterize(**columns, camera=camera, depth=True, held=held)
        assert_same(picture, expected)
        for name in PASSES:
            getattr(picture, name).fill(7)


def test_after_an_error_the_next_picture_is_right(make, columns, monkeypatch):
    held, camera = HeldCamera(), make.view()
    for _ in range(2):
        rasterize(**columns, camera=camera, held=held)
    poisoned = columns | {"scales": columns["scales"].copy()}
    poisoned["scales"][5, 1] = np.nan
    with pytest.raises(UserError, match="scales holds NaN"):
        rasterize(**poisoned, camera=camera, held=held)
    columns["means"][4] += np.float32(0.2)  # half of this frame is done when the error comes
    with monkeypatch.context() as patch:
        patch.setattr(numba_pipeline, "PAIRS_MAX", 3)
        with pytest.raises(UserError, match="tiles in all"):
            rasterize(**columns, camera=camera, held=held)
    columns["means"][3] += np.float32(0.1)
    assert_same(rasterize(**columns, camera=camera, held=held), rasterize(**columns, camera=camera))


def test_pixel_counts_are_those_of_the_picture_or_an_error(make, columns):
    held, camera = HeldCamera(), make.view()
    pictures = [rasterize(**columns, camera=camera, held=held) for _ in range(3)]
    assert np.array_equal(pictures[0].pixel_counts, pictures[2].pixel_counts)
    with pytest.raises(RuntimeError, match="before the next is drawn"):
        _ = pictures[1].pixel_counts


def test_light_is_held_as_codes_are_and_a_change_to_light_draws_all(make, columns):
    held, camera, rng = HeldCamera(), make.view(), np.random.default_rng(1)
    for blend in ("linear", "linear", "linear", "display", "display", "linear"):
        CHANGES["blush"](columns, some(rng), rng)
        assert_same(*(rasterize(**columns, camera=camera, blend=blend, held=h) for h in (held, None)))


def test_the_number_of_threads_may_change(make, columns):
    held, camera, threads = HeldCamera(), make.view(), numba.get_num_threads()
    rng, expected = np.random.default_rng(0), None
    try:
        for count in (threads, threads, 1, threads):
            CHANGES["turn"](columns, some(rng), rng)
            expected = rasterize(**columns, camera=camera)
            numba.set_num_threads(count)
            assert_same(rasterize(**columns, camera=camera, held=held), expected)
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize("n", [0, 1])
def test_no_gaussian_and_one(make, n):
    held, cloud = HeldCamera(), {name: values.float().numpy() for name, values in make.cloud(n).items()}
    for _ in range(3):
        assert_same(rasterize(**cloud, camera=make.view(), held=held), rasterize(**cloud, camera=make.view()))


def test_tensors_are_drawn_as_ever(make):
    cloud, held = make.cloud(50), HeldCamera()
    for _ in range(3):
        mine, expected = (rasterize(**cloud, camera=make.view(), held=h).color for h in (held, None))
        assert (mine == expected).all()
        assert held.nbytes == 0
