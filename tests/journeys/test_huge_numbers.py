# SPDX-License-Identifier: GPL-3.0-or-later
"""A text of a few bytes can stand for a number of a gigabyte: `Fraction("1e999999999")` computes for minutes in one
call that no signal interrupts. Wherever a rate or a ratio comes from outside it ends in a sentence, at once.

In a process of its own, which a regression would hang.
"""

import json
import subprocess
import sys

import pytest

from talksplat.core.formats import UserError, from_json_values, parse_ratio

HUGE = (
    "1e999999999",
    "1e-999999999",
    "1E+9999999999",
    "9" * 5000,
    f"1/{'9' * 5000}",
    "1_0",
    "0x10",
    "١٢",
    "inf",
    "nan",
)
# How the text reaches us -> what then reads it; {0} is the text as Python, {1} a footage folder whose card says it.
WAYS = {
    "footage.json": "from talksplat.core.footage import Footage\nFootage.open({1!r})",
    "a card's fraction": "from fractions import Fraction\nfrom talksplat.core.formats import from_json_values\n"
    "from_json_values(Fraction, {0!r}, 'card')",
    "bake --fps": "from talksplat.core.baking.shot import Shot\nfrom talksplat.core.jobs import Bake\n"
    "Shot.of(Bake('h', 'a', 'o', fps={0!r}), 1)",
    "prepare --rate": "from talksplat.core.preparing.prepare_settings import settings_from_job\n"
    "from talksplat.core.jobs import Prepare\nsettings_from_job(Prepare(('v',), 'o', rate={0!r}))",
    "prepare --pixel-aspect": "from talksplat.core.preparing.prepare_settings import settings_from_job\n"
    "from talksplat.core.jobs import Prepare\nsettings_from_job(Prepare(('v',), 'o', pixel_aspect={0!r}))",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_number_too_large_to_compute_is_a_sentence_at_once(way, tmp_path):
    code = ["from talksplat.core.formats import UserError"]
    for i, text in enumerate(HUGE):
        folder = tmp_path / str(i)
        folder.mkdir()
        card = {"format": "talksplat footage", "version": 1, "name": "x", "rate": text, "width": 64, "height": 64}
        card |= {"expression_names": [], "clips": [{"name": "a", "audio": "audio/a.wav", "split": "train"}]}
        (folder / "footage.json").write_text(json.dumps(card))
        body = WAYS[way].format(text, str(folder)).replace("\n", "\n    ")
        code.append(f"try:\n    {body}\n    raise SystemExit({text[:20]!r} + ' was accepted')\nexcept UserError: pass")
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("number", ["1e999", "1" * 4000])
def test_a_number_of_json_that_is_too_large_is_a_sentence(number, tmp_path):
    from talksplat.core.footage.footage_card import read_footage_card

    card = '{"format": "talksplat footage", "version": 1, "name": "x", "rate": %s, "width": 64, "height": 64,'
    (tmp_path / "footage.json").write_text(card % number + '"expression_names": [], "clips": []}')
    with pytest.raises(UserError, match="footage"):
        read_footage_card(tmp_path)


def test_ratios_are_read_exactly():
    from fractions import Fraction

    assert parse_ratio("16/15") == Fraction(16, 15)
    assert parse_ratio(" 24000/1001 ") == Fraction(24000, 1001)
    assert parse_ratio("12.50") == Fraction(25, 2)
    assert [parse_ratio(text) for text in (*HUGE, "", "1/0", "-1", "1/2/3", "1e3", ".5")] == [None] * (len(HUGE) + 6)
    assert from_json_values(Fraction, "24000/1001", "card") == Fraction(24000, 1001)
