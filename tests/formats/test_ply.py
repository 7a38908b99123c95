# SPDX-License-Identifier: GPL-3.0-or-later
"""The splat PLY: our round trip, files as other programs write them, and invalid headers."""

import numpy as np
import pytest

from talksplat.core.formats.gaussians import COLUMNS
from talksplat.core.formats.ply import AXES, read_ply, read_ply_header, write_ply
from talksplat.core.formats.rotate import RDF_TO_BLENDER, rotate_gaussians
from talksplat.core.formats.user_error import UserError
from talksplat.core.inspecting.describe import describe


def columns_of(n: int = 4, rest: int = 9, seed: int = 0) -> dict[str, np.ndarray]:
    """Stored values by property name, as a trainer would write them."""
    rng = np.random.default_rng(seed)
    names = [
        "x",
        "y",
        "z",
        "nx",
        "ny",
        "nz",
        "f_dc_0",
        "f_dc_1",
        "f_dc_2",
        *(f"f_rest_{i}" for i in range(rest)),
        "opacity",
        "scale_0",
        "scale_1",
        "scale_2",
        "rot_0",
        "rot_1",
        "rot_2",
        "rot_3",
    ]
    return {name: rng.normal(size=n).astype(np.float32) for name in names}


def store(path, columns, elements="", types=None, count=None, end=b"", form="binary_little_endian 1.0", eol="\n"):
    """Write the columns as a PLY, in their order; `types` names those that are not float."""
    codes = {"float": "<f4", "double": "<f8", "uchar": "u1", "int": "<i4"}
    types = {name: (types or {}).get(name, "float") for name in columns}
    n = len(next(iter(columns.values())))
    row = np.zeros(n, [(name, codes[kind]) for name, kind in types.items()])
    for name, values in columns.items():
        row[name] = values
    count = n if count is None else count
    lines = [
        "ply",
        f"format {form}",
        "comment SplatRenderMode: default",
        f"element vertex {count}",
        *(f"property {kind} {name}" for name, kind in types.items()),
        *elements.splitlines(),
        "end_header",
        "",
    ]
    path.write_bytes(eol.join(lines).encode() + row.tobytes() + end)
    return path


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("k", [0, 3, 8, 15])
def test_round_trip(tmp_path, make, axes, k):
    table = make.gaussians(50, k)
    write_ply(tmp_path / "a.ply", table, axes)
    back = read_ply(tmp_path / "a.ply")
    assert back.sh_degree == table.sh_degree
    for name in COLUMNS:
        np.testing.assert_allclose(getattr(back, name), getattr(table, name), rtol=1e-6, atol=1e-6, err_msg=name)
    if axes == "blender":
        for name in ("means", "quats", "sh0", "shN"):
            np.testing.assert_array_equal(getattr(back, name), getattr(table, name))


def test_bytes_are_the_layout_that_viewers_read(tmp_path, make):
    table = make.gaussians(7, 15)
    write_ply(tmp_path / "a.ply", table)
    data = (tmp_path / "a.ply").read_bytes()
    rows = np.frombuffer(data[data.index(b"end_header\n") + 11 :], "<f4").reshape(7, 62)  # 248 bytes each
    np.testing.assert_array_equal(rows[:, 3:6], 0)
    np.testing.assert_array_equal(rows[:, 9:24], table.shN[:, :, 0])  # fifteen reds, then greens, then blues
    np.testing.assert_allclose(1 / (1 + np.exp(-rows[:, 54])), table.opacities, rtol=1e-5)
    np.testing.assert_allclose(np.exp(rows[:, 55:58]), table.scales, rtol=1e-5)
    np.testing.assert_array_equal(rows[:, 58:], table.quats)
    names = read_ply_header(tmp_path / "a.ply").vertices.row.names
    assert names[:9] == ("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2")
    assert names[53:] == ("f_rest_44", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3")


def test_a_foreign_file_is_rotated_activated_and_normalised(tmp_path):
    columns = columns_of()
    table = read_ply(store(tmp_path / "a.ply", columns))
    np.testing.assert_allclose(table.means, np.stack([columns["x"], columns["z"], -columns["y"]], 1))
    np.testing.assert_allclose(table.scales[:, 1], np.exp(columns["scale_1"]), rtol=1e-6)
    np.testing.assert_allclose(table.opacities, 1 / (1 + np.exp(-columns["opacity"])), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(table.quats, axis=1), 1, rtol=1e-6)
    plain = read_ply(tmp_path / "a.ply", axes="blender")
    np.testing.assert_array_equal(plain.means[:, 1], columns["y"])
    np.testing.assert_array_equal(plain.shN[:, 2, 1], columns["f_rest_5"])  # channel 1, coefficient 2 of 3
    np.testing.assert_allclose(rotate_gaussians(plain, RDF_TO_BLENDER).shN, table.shN)


def test_order_types_and_extra_properties_do_not_matter(tmp_path):
    columns = columns_of()
    plain = read_ply(store(tmp_path / "a.ply", columns))
    shuffled = dict(sorted({**columns, "label": np.full(4, 3), "error": np.zeros(4)}.items(), reverse=True))
    types = {"label": "uchar", "error": "double", "x": "double"}
    path = store(
        tmp_path / "b.ply",
        shuffled,
        "element face 2\nproperty list uchar int vertex_indices",
        types,
        end=bytes(5),
        eol="\r\n",
    )
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(read_ply(path), name), getattr(plain, name))


def test_extreme_but_valid_values_stay_finite(tmp_path, make):
    columns = columns_of() | {"opacity": np.array([-1e4, 1e4, -30, 30]), "scale_0": np.array([-1e4, -100, 80, 0])}
    table = read_ply(store(tmp_path / "a.ply", columns))
    assert table.opacities[0] == 0
    assert table.opacities[1] == 1
    write_ply(tmp_path / "b.ply", table)
    back = read_ply(tmp_path / "b.ply")
    np.testing.assert_allclose(back.opacities, table.opacities, atol=4e-7)


def test_empty_tables_round_trip(tmp_path, make):
    write_ply(tmp_path / "a.ply", make.gaussians(0, 8), "rdf")
    assert len(read_ply(tmp_path / "a.ply")) == 0
    assert read_ply(tmp_path / "a.ply").sh_degree == 2


MISSING_ROTATION = {name: values for name, values in columns_of().items() if name != "rot_3"}


@pytest.mark.parametrize(
    "invalid",
    [
        {"count": 5},
        {"count": 3},
        {"count": 10**14},
        {"count": "9" * 30},
        {"count": -4},
        {"end": b"more"},
        {"form": "ascii 1.0"},  # of binary rows
        {"form": "binary_little_endian 2.0"},
        {"elements": "element face 1000000\nproperty int a"},
        {"elements": "property list uchar int more"},
        {"elements": "property float x"},
        {"elements": "property quad y4"},
        {"elements": "element vertex 0\nproperty float x"},
        {"elements": "gibberish"},
        {"columns": MISSING_ROTATION},
        {"columns": columns_of(rest=12)},
        {"columns": {name: columns_of()[name] for name in "xyz"}},
        {"columns": columns_of() | {"x": np.full(4, np.nan)}},
        {"columns": columns_of() | {"scale_1": np.full(4, np.inf)}},
        {"columns": columns_of() | {"scale_1": np.full(4, 1e3)}},
        {"columns": columns_of() | {f"rot_{i}": np.zeros(4) for i in range(4)}},
    ],
)
def test_invalid_files_are_rejected(tmp_path, invalid):
    path = store(tmp_path / "invalid.ply", **{"columns": columns_of(), **invalid})
    with pytest.raises(UserError, match=r"invalid\.ply"):
        read_ply(path)


def test_unknown_axes_are_rejected(tmp_path, make):
    write_ply(tmp_path / "a.ply", make.gaussians(2))
    (tmp_path / "a.ply").write_bytes((tmp_path / "a.ply").read_bytes().replace(b"axes blender", b"axes bxender"))
    with pytest.raises(UserError, match="bxender"):
        read_ply(tmp_path / "a.ply")
    with pytest.raises(UserError, match="ruf"):
        write_ply(tmp_path / "b.ply", make.gaussians(2), "ruf")
    assert not (tmp_path / "b.ply").exists()


# Changes of a header that other tools' files have; the rows are the same.
HABITS = {
    "two spaces between words": lambda head: head.replace(b" ", b"  "),
    "tabs": lambda head: head.replace(b" ", b"\t"),
    "spaces at line ends": lambda head: head.replace(b"\n", b" \n"),
    "Windows line ends": lambda head: head.replace(b"\n", b"\r\n"),
    "a blank line": lambda head: head.replace(b"comment", b"\ncomment", 1),
    "a comment before the format": lambda head: head.replace(b"format", b"comment by hand\nformat", 1),
    "obj_info between properties": lambda head: head.replace(b"property float y", b"obj_info 7 \nproperty float y"),
    "a comment that is empty": lambda head: head.replace(b"element", b"comment\nelement", 1),
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\0"])
def test_headers_as_other_tools_write_them(tmp_path, habit, end):
    path = store(tmp_path / "a.ply", columns_of())
    plain = read_ply(path)
    head, rows = path.read_bytes().split(b"end_header\n", 1)
    path.write_bytes(HABITS[habit](head + b"end_header\n") + rows + end)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(read_ply(path), name), getattr(plain, name))
    assert dict(describe(path))["gaussians"] == "4"


def test_text_and_big_endian_files_are_read(tmp_path):
    path = store(tmp_path / "a.ply", columns_of(), "element face 1\nproperty list uchar int v", end=bytes(5))
    plain = read_ply(path)
    head, rows = path.read_bytes().split(b"end_header\n", 1)
    values, head = np.frombuffer(rows[:-5], "<f4").reshape(4, -1), head + b"end_header\n"
    text = "\n".join(" ".join(repr(float(value)) for value in row) for row in values) + "\n3 0 1 2\n"
    (tmp_path / "text.ply").write_bytes(head.replace(b"binary_little_endian", b"ascii") + text.encode())
    (tmp_path / "big.ply").write_bytes(head.replace(b"little", b"big") + values.astype(">f4").tobytes() + bytes(5))
    for name in COLUMNS:
        for other in ("text.ply", "big.ply"):
            np.testing.assert_array_equal(getattr(read_ply(tmp_path / other), name), getattr(plain, name))
            assert getattr(read_ply(tmp_path / other), name).dtype == np.float32
    for broken in (text.replace(" ", "  x ", 1), text.partition("\n")[2], text.replace(" ", "", 1), "", "1\n" * 400):
        (tmp_path / "text.ply").write_bytes(head.replace(b"binary_little_endian", b"ascii") + broken.encode())
        with pytest.raises(UserError, match=r"text\.ply"):
            read_ply(tmp_path / "text.ply")


def test_gaussians_without_size_are_left_out_and_counted(tmp_path):
    columns = columns_of()
    plain = read_ply(store(tmp_path / "a.ply", columns))
    columns["scale_1"][2] = -np.inf
    columns["opacity"][:2] = -np.inf, np.inf  # a logit of 0 and of 1
    table = read_ply(store(tmp_path / "a.ply", columns))
    np.testing.assert_array_equal(table.means, plain.means[[0, 1, 3]])
    np.testing.assert_array_equal(table.opacities, [0, 1, plain.opacities[3]])
    facts = dict(describe(tmp_path / "a.ply"))
    assert facts["gaussians"] == "3"
    assert facts["left_out"] == "1 of 4, infinitely small"


def test_cases_from_other_tools(shared_cases):
    folder = shared_cases / "ply"
    plain = read_ply(folder / "trailing_newline.ply")
    for name in ("double_space", "tab_sep", "blank_line"):
        for column in COLUMNS:
            found = getattr(read_ply(folder / f"{name}.ply"), column)
            np.testing.assert_array_equal(found, getattr(plain, column), err_msg=name)
    without = read_ply(folder / "scale_neg_inf.ply")
    np.testing.assert_array_equal(without.means, plain.means[1:])


def test_a_compressed_ply_of_supersplat_is_the_table_it_was_made_of(shared_cases):
    plain = read_ply(shared_cases / "ply" / "trailing_newline.ply", "rdf")
    table = read_ply(shared_cases / "ply" / "supersplat.compressed.ply", "rdf")
    # SuperSplat sorts along a Morton curve.
    nearest = np.linalg.norm(table.means[:, None] - plain.means[None], axis=2).argmin(axis=1)
    assert sorted(nearest) == list(range(6))
    near = {"means": 2e-3, "sh0": 2e-2, "shN": 2e-2, "opacities": 3e-3}
    for name, tolerance in near.items():
        np.testing.assert_allclose(getattr(table, name), getattr(plain, name)[nearest], atol=tolerance, err_msg=name)
    np.testing.assert_allclose(np.log(table.scales), np.log(plain.scales[nearest]), atol=4e-3)
    assert np.abs(np.sum(table.quats * plain.quats[nearest], axis=1)).min() > 0.99999
