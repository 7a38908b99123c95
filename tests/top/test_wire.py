# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message comes back as it was; what is no message is refused in one sentence."""

import dataclasses
import json
import types
from typing import get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talksplat.core.dispatch import JOBS
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.jobs import (
    Adapt,
    Align,
    Bake,
    Convert,
    Do,
    Evaluate,
    Export,
    ExportRig,
    ImportHead,
    Info,
    MakeProxy,
    MakeRig,
    Perform,
    Prepare,
    Render,
    Shots,
    Train,
    Warm,
)
from talksplat.core.jobs.events import Cancelled, Event, Failed, Finished, Progress, Started, Warned
from talksplat.core.performance.controls import Controls
from talksplat.core.performance.pose_change import PoseChange
from talksplat.core.wire import MAX_MESSAGE_BYTES, Cancel, Hello, Quit, from_bytes, kinds, to_bytes

CAMERA = Camera.looking_at([0, -1, 0.1], [0, 0, 0], 64, 48, 0.4)
MESSAGES = [
    Align("ü/ß \n.wav", "a.txt", "out"),
    Perform("anna.head", "ü/ß \n.wav", "out"),
    Bake("h", "a", "o", "24000/1001", -5, 72, 0.25, Controls(delay=-0.5), (Controls(), Controls(blink=1.0))),
    Bake("h", "", "o", frames="1-24"),
    Bake("h", "a", "o", words="w.TextGrid", more_audio=("b", "c"), more_words=("", "v.TextGrid")),
    Perform("h", "a", "o", words="w.TextGrid"),
    Render("b", "o", cameras=(CAMERA, CAMERA.resized(32, 32)), exr=False),
    Render("b", "o", passes=("depth",)),
    Render("b", "o", supersampling="4x", pixel_filter="blackman_harris", filter_width=2.0),
    Render("b", "o", motion_blur=True, shutter_curve=(0.0, 1.0), shutter_cameras=((), (CAMERA, CAMERA, CAMERA))),
    Render("b", "o", depth_file="depth", region=(1, 2, 30, 40), name="head"),
    Render("b", "o", name="{shot}_v###.####", version=3, tokens=("shot=a",), publish=True),
    Do("sh.job.json", first=-3, last=9, out="o", device="cpu", patience=5.0),
    Render("b", "o", more_bakes=("c",), places=("0,0,0,0", "1,0,0,9"), head_names=("a", "b"), overscan=5.0),
    Shots("shots.csv", "o", engine="ray", cores=4, address="auto", chunk=20, check=True),
    Warm(),
    Export("b", "o", axes="rdf", first=-3),
    Prepare(("a.mp4", "b"), "f"),
    Train("f", "o", seed=2**62, resume_from="h", blend="linear"),
    Adapt("h", own_voice=("a.mp4", "b.wav"), seed=3),
    MakeRig("h", bound=0.2),
    ExportRig("h", "r.npz"),
    MakeProxy("h", "m.ply", 12.0),
    Evaluate("h", "f", clips=3, voices="v"),
    Convert("a", "b"),
    ImportHead("a.ply", "a.head", axes="rdf"),
    Info("x"),
    Hello(1, "0.1.0"),
    Cancel(),
    Quit(),
    Started("Baking", 72),
    Progress(1, 72, -1.0, "frame 1"),
    Warned("w"),
    Failed("f"),
    Cancelled("c"),
    Finished({"out": "x", "counts": [1, 2.5, None, True, {"deep": "é"}]}),
]


def test_every_job_and_event_has_its_example():
    assert {type(m) for m in MESSAGES} == set(kinds().values())
    assert {*(row.message for row in JOBS.values()), *get_args(Event)} <= set(kinds().values())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_round_trip(message):
    data = to_bytes(message)
    assert from_bytes(data) == message
    assert type(from_bytes(data)) is type(message)
    assert data == to_bytes(from_bytes(data))


# Dataclasses that not every value fits.
WITH_RULES = {Camera: [CAMERA], PoseChange: [PoseChange(), PoseChange(("blink",), ((0.25,), (-1.0,)))]}


def values_of(kind):
    """A strategy for any value that a field of this type may hold."""
    if kind in WITH_RULES:
        return st.sampled_from(WITH_RULES[kind])
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)})
    if get_origin(kind) is tuple:
        return st.lists(values_of(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) is types.UnionType:
        return st.none() | values_of(get_args(kind)[0])
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    return {
        str: texts,
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
        dict: st.dictionaries(
            texts, st.recursive(texts | st.integers() | st.none(), st.lists, max_leaves=4), max_size=3
        ),
    }[kind]


@settings(deadline=None)
@given(st.sampled_from(list(kinds().values())).flatmap(values_of))
def test_any_values_travel(message):
    assert from_bytes(to_bytes(message)) == message


def body_of(message) -> dict:
    return json.loads(to_bytes(message))["body"]


def wrapped(kind, body) -> bytes:
    return json.dumps({"kind": kind, "body": body}).encode()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_field_more_or_less_or_of_another_type_is_refused(message):
    kind, body = type(message).__name__, body_of(message)
    bad = [{**body, "soul": 1}, [body], None, "text"]
    bad += [{k: v for k, v in body.items() if k != name} for name in body]
    for name, value in body.items():
        others = [v for v in (None, "text", 3, 2.5, True, [1], {"a": 1}) if type(v) is not type(value)]
        hint = get_type_hints(type(message))[name]
        others = [v for v in others if not (hint is float and type(v) is int)]  # 24 for 24.0 is fine
        others = [v for v in others if type(v) not in get_args(hint)]  # either kind of `int | None`
        bad += [{**body, name: other} for other in others]
    for value in bad:
        with pytest.raises(UserError, match="message"):
            from_bytes(wrapped(kind, value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"kind":"Bake"}',
        b'{"kind":"os.system","body":{}}',
        b'{"kind":["Bake"],"body":{}}',
        b'{"kind":"Cancel","body":{},"more":1}',
        b"[" * 100_000,
        b'{"kind":"Finished","body":{"result":' + b'{"a":' * 50_000,
        b'{"kind":"Finished","body":{"result":{"a":NaN}}}',
        b'{"kind":"Finished","body":{"result":{"a":1e999}}}',
        b'{"kind":"Info","body":{"file":"a","file":"b"}}',
        b'{"kind":"Info","body":{"file":"\\ud800"}}',
        b'{"kind":"Progress","body":{"done":1,"total":1,"remaining":1e999,"note":""}}',
        b'{"kind":"Progress","body":{"done":1,"total":1,"remaining":1' + b"0" * 400 + b',"note":""}}',
        b'{"kind":"Started","body":{"title":"a","total":' + b"9" * 5000 + b"}}",
        b'{"kind":"Started","body":{"title":"a","total":9223372036854775808}}',
    ],
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(UserError, match="message"):
        from_bytes(data)


def test_a_camera_checks_itself_on_arrival():
    body = body_of(Render("b", "o", cameras=(CAMERA,)))
    for change in (
        {"width": 0},
        {"kind": "fisheye"},
        {"viewmat": [[1.0]]},
        {"viewmat": [[1.0] * 4] * 3},
        {"viewmat": [[1.0, 2.0], [3.0]]},
        {"viewmat": [[0.0] * 4] * 4},
        {"fx": 0.0},
        {"far": 0.001},
    ):
        with pytest.raises(UserError, match=r"Render message: cameras\[0\]"):
            from_bytes(wrapped("Render", {**body, "cameras": [{**body["cameras"][0], **change}]}))


def test_the_sizes_are_capped():
    with pytest.raises(UserError, match="above"):
        from_bytes(b" " * (MAX_MESSAGE_BYTES + 1))
    with pytest.raises(UserError, match="above"):
        to_bytes(Warned("a" * MAX_MESSAGE_BYTES))


def test_what_cannot_be_sent():
    for value in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="Progress"):
            to_bytes(Progress(1, 2, value))
    with pytest.raises(UserError, match="Warned"):
        to_bytes(Warned("half \ud800"))
    for mistake in (Controls(), "text", Finished({"path": object()})):
        with pytest.raises(TypeError):
            to_bytes(mistake)


def test_sliders_at_their_defaults_cost_nothing_a_frame():
    """An hour's job holds a `Controls` for each of 86,400 frames."""
    moments = [tuple(Controls(brows=i / 1000) for i in range(count)) for count in (1000, 2000)]
    jobs = [Bake("h", "v", "o", frame_count=len(m), controls_per_frame=m) for m in moments]
    short, long = (len(to_bytes(job)) for job in jobs)
    assert long - short < 1000 * len('{"brows":0.1234},')
    assert [from_bytes(to_bytes(job)) for job in jobs] == jobs
    with pytest.raises(UserError, match="unknown field"):
        from_bytes(to_bytes(jobs[0]).replace(b"brows", b"frown"))
