# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that people read, in job files and publish manifests."""

import json

from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.formats.json_codec import from_json, to_pretty_json

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('[]{},"\\ \na')
)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text('[]" \na'), inner), max_leaves=20))
def test_any_value_comes_back(value):
    """Also texts with brackets, quotes, spaces and line breaks in them."""
    assert json.loads(to_pretty_json(value)) == value


def test_a_row_of_numbers_is_a_line():
    text = to_pretty_json({"matrix": [[1.0, 0.5], [0.0, 2.0]]})
    assert [line.strip() for line in text.splitlines() if "0.5" in line] == ["[ 1.0, 0.5 ],"]
    assert from_json(text, "it") == {"matrix": [[1.0, 0.5], [0.0, 2.0]]}
