# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as markdown tables: each figure with how many frames it is of and how large they are."""

PARTS = ("whole", "face", "mouth")


def evaluation_tables(result: dict) -> str:
    """Of the result of `evaluate` or `final_metrics`, also of talksplat 0.1.0's."""
    sections = (
        _pictures,
        _opacity,
        _static_head,
        _st_lpips,
        _landmarks,
        _lips,
        _lip_offset,
        _closure_and_silence,
        _delayed_voice,
        _voices,
    )
    return "\n".join(line for section in sections for line in section(result)) + "\n"


def _table_row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _header(*cells: str) -> list[str]:
    return [_table_row(*cells), "|" + "---|" * len(cells)]


def _size(row: dict, part: str) -> str:
    return "x".join(map(str, row.get("size of crops", {}).get(part, ("",))))


def _pictures(result: dict) -> list[str]:
    other = "static" if "static head" in result else "mean"
    lines = _header("held back", "part", "pictures", "pixels", "head PSNR", "static PSNR", "head SSIM", "static SSIM")
    for name, row in result.get("pictures", {}).items():
        for part in PARTS:
            if f"head {part} psnr" in row:
                count = row["count"] if part == "whole" else row["with mouth"]
                psnr = [f"{row[f'{who} {part} psnr']:.2f}" for who in ("head", other)]
                ssim = [f"{row[f'{who} {part} ssim']:.4f}" for who in ("head", other)]
                lines.append(_table_row(name, part, count, _size(row, part), *psnr, *ssim))
    return lines


def _opacity(result: dict) -> list[str]:
    opacity = result.get("opacity", {})
    if not opacity:
        return []
    shares = f"{opacity['alpha inside the face']:.2f}", f"{opacity['opaque share']:.0%}"
    lines = _header("opacity", "pictures", "alpha inside the face", "opaque share")
    return ["", *lines, _table_row("face", opacity["pictures"], *shares)]


def _static_head(result: dict) -> list[str]:
    static = result.get("static head")
    if static is None:
        return []
    return [
        "",
        f"Static head, in pictures: {static['strongest in pictures']}; in landmarks: "
        f"{static['strongest in landmarks']} (the best of {len(static['candidates'])} on "
        f"{static['compared on train pictures']} train pictures).",
    ]


def _st_lpips(result: dict) -> list[str]:
    lines = []
    for name, row in result.get("pictures", {}).items():
        for part in PARTS:
            if f"head {part} st-lpips" in row:
                figures = [f"{row[f'{who} {part} st-lpips']:.4f}" for who in ("head", "static")]
                lines.append(_table_row(name, part, row[f"{part} by st-lpips"], _size(row, part), *figures))
    return ["", *_header("ST-LPIPS (AlexNet)", "part", "pictures", "pixels", "head", "static"), *lines] if lines else []


def _landmarks(result: dict) -> list[str]:
    rows = {name: row["landmarks"] for name, row in result.get("pictures", {}).items() if "landmarks" in row}
    if not rows:
        return []
    width, height = result["picture size"]
    title = f"LMD, mouth, by {result['detector']}, pixels of {width}x{height}"
    lines = _header(title, "pictures", "head", "static", "head over static", "faces lost: truth, head, static")
    for name, row in rows.items():
        figures = [f"{row[key]:.3f}" if key in row else "" for key in ("head lmd", "static lmd", "head over static")]
        lost = ", ".join(str(row[f"{who} lost"]) for who in ("truth", "head", "static"))
        lines.append(_table_row(name, row["count"], *figures, lost))
    return ["", *lines]


def _lips(result: dict) -> list[str]:
    lips = result.get("lips", {})
    if not lips:
        return []
    lines = ["", "| lips of unheard clips, from sound alone, carried by the Gaussians | |", "|---|---|"]
    return lines + [_table_row(key, value) for key, value in lips.items() if not isinstance(value, dict)]


def _lip_offset(result: dict) -> list[str]:
    offset = result.get("lip offset", {})
    names = ("head to sound", "truth to sound", "head to truth")
    rows = {name: offset[name] for name in names if offset.get(name, {}).get("clips")}
    if not rows:
        return []
    r = offset["audio to lips r"] if "audio to lips r" in offset else offset["ear"]  # the key of 0.1.0
    title = f"lip-offset score (audio to lips: r {r}; on pictures in {offset['measured on pictures']})"
    lines = _header(title, "clips", "within 1 frame", "at 0", "pooled, frames", "r at best", "r unmoved")
    for name, row in rows.items():
        shares = f"{row['share within 1 frame']:.0%}", f"{row['share at 0 frames']:.0%}"
        r = row["mean r"], row["mean r unmoved"]
        lines.append(_table_row(name, row["clips"], *shares, row["pooled frames"], *r))
    return ["", *lines]


def _closure_and_silence(result: dict) -> list[str]:
    lines = []
    if closed := result.get("closure at p b m", {}):
        head, truth = closed["head"], closed["truth"]
        name, count = f"lips closed at p, b, m ({closed['measured on']})", f"{head.get('spans', 0)} spans"
        lines.append(_table_row(name, count, head.get("share closed"), truth.get("share closed")))
    if silence := result.get("silence motion", {}):
        name = "motion in silence over speech (carried landmarks)"
        count = f"{silence['silent steps']} and {silence['spoken steps']} steps"
        lines.append(_table_row(name, count, silence["head"], silence["truth"]))
    return ["", *_header("", "of", "head", "truth"), *lines] if lines else []


def _delayed_voice(result: dict) -> list[str]:
    delayed = result.get("delayed voice", {})
    if not delayed.get("tried"):
        return []
    means = delayed["mean of each shift"]
    return [
        "",
        *_header("voice delayed by, frames", *means),
        _table_row("mouth comes later by", *means.values()),
        "",
        f"{delayed['share recovered']:.1%} of {delayed['tried']} (clip, shift) pairs are recovered to the frame; "
        f"mean error {delayed['mean error frames']} frames.",
    ]


def _voices(result: dict) -> list[str]:
    groups = result.get("voices", {})
    spoken = {name: row for name, row in groups.items() if "closed" in row}
    silent = {name: row for name, row in groups.items() if "movement" in row}
    lines: list[str] = []
    if spoken:
        keys = ("clips", "p b m", "closed", "vowels", "closed vowels", "closure auc", "rounding auc")
        lines += ["", *_header("other voices", *keys)]
        lines += [
            _table_row(name, *("" if row[key] is None else row[key] for key in keys)) for name, row in spoken.items()
        ]
    if silent:
        lines += ["", *_header("nobody speaks", "clips", "movement, of speech")]
        lines += [_table_row(name, row["clips"], row["movement"]) for name, row in silent.items()]
    return lines
