# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose recordings a head's encoder was trained on: licences that ask to be named are named on the head's card."""

from ..audio import mouth_net_card


def encoder_attribution(encoder: str) -> str:
    """A sentence without its full stop; "" for an encoder whose licence asks for nothing."""
    if encoder != "mouth_shapes":
        return ""
    sources: dict[str, list[str]] = {}
    for row in mouth_net_card()["trained_on"]:
        sources.setdefault(row["licence"].partition(" (")[0], []).append(row["source"])
    listed = "; ".join(f"{licence}: {', '.join(dict.fromkeys(names))}" for licence, names in sorted(sources.items()))
    return f"Its audio encoder {encoder} was trained on recordings of {listed}"


def with_attribution(licence: str, encoder: str) -> str:
    """A head's licence, and what its encoder asks to be said."""
    asked = encoder_attribution(encoder)
    if not asked:
        return licence
    return f"{licence.rstrip('.')}. {asked}." if licence else f"{asked}."
