# SPDX-License-Identifier: GPL-3.0-or-later
"""A head says whose recordings its encoder was trained on, once, and only where a licence asks for it."""

from talksplat.core.audio import mouth_net_card
from talksplat.core.listening import with_attribution


def test_each_source_and_its_licence_are_named():
    said = with_attribution("CC BY 4.0.", "mouth_shapes")
    assert said.startswith("CC BY 4.0. Its audio encoder mouth_shapes")
    for row in mouth_net_card()["trained_on"]:
        assert row["source"] in said
        assert row["licence"].partition(" (")[0] in said
    assert with_attribution("", "mouth_shapes").startswith("Its audio encoder")


def test_an_encoder_that_asks_for_nothing_changes_nothing():
    assert with_attribution("CC BY 4.0.", "moonshine") == "CC BY 4.0."
    assert with_attribution("", "logmel") == ""
