# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as markdown tables: each figure with how many frames it is of and how large they are."""


def evaluation_tables(result: dict) -> str:
    """Of what `evaluate` or `measured` gave back."""
    lines = _pictures(result) + _st_lpips(result) + _landmarks(result) + _lips(result) + _sound(result)
    return "\n".join(lines) + "\n"


def _pictures(result: dict) -> list[str]:
    other = "static" if "static head" in result else "mean"
    lines = [
        "| held back | part | pictures | pixels | head PSNR | static PSNR | head SSIM | static SSIM |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result.get("pictures", {}).items():
        for part, count in (("whole", row["count"]), ("face", row["with mouth"]), ("mouth", row["with mouth"])):
            if f"head {part} psnr" in row:
                size = "x".join(map(str, row.get("size of crops", {}).get(part, ("",))))
                lines.append(
                    f"| {name} | {part} | {count} | {size} | {row[f'head {part} psnr']:.2f} | "
                    f"{row[f'{other} {part} psnr']:.2f} | {row[f'head {part} ssim']:.4f} | "
                    f"{row[f'{other} {part} ssim']:.4f} |"
                )
    static = result.get("static head")
    note = (
        []
        if static is None
        else [
            "",
            f"Static head, in pictures: {static['strongest in pictures']}; in landmarks: "
            f"{static['strongest in landmarks']} (the strongest of {len(static['candidates'])} on "
            f"{static['compared on train pictures']} train pictures).",
        ]
    )
    return lines + note


def _st_lpips(result: dict) -> list[str]:
    rows = [
        (name, part, row)
        for name, row in result.get("pictures", {}).items()
        for part in ("whole", "face", "mouth")
        if f"head {part} st-lpips" in row
    ]
    lines = ["", "| ST-LPIPS (AlexNet) | part | pictures | pixels | head | static |", "|---|---|---|---|---|---|"]
    for name, part, row in rows:
        size = "x".join(map(str, row["size of crops"][part]))
        figures = " | ".join(f"{row[f'{who} {part} st-lpips']:.4f}" for who in ("head", "static"))
        lines.append(f"| {name} | {part} | {row[f'{part} by st-lpips']} | {size} | {figures} |")
    return lines if rows else []


def _landmarks(result: dict) -> list[str]:
    rows = {name: row["landmarks"] for name, row in result.get("pictures", {}).items() if "landmarks" in row}
    if not rows:
        return []
    width, height = result["picture size"]
    lines = [
        "",
        f"| LMD, mouth, by {result['detector']}, pixels of {width}x{height} | pictures | head | static | "
        "head over static | faces lost: truth, head, static |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lost = ", ".join(str(row[f"{who} lost"]) for who in ("truth", "head", "static"))
        figures = " | ".join(
            f"{row[key]:.3f}" if key in row else "" for key in ("head lmd", "static lmd", "head over static")
        )
        lines.append(f"| {name} | {row['count']} | {figures} | {lost} |")
    return lines


def _lips(result: dict) -> list[str]:
    lips = result.get("lips", {})
    if not lips:
        return []
    lines = ["", "| lips of unheard clips, from sound alone, carried by the Gaussians | |", "|---|---|"]
    return lines + [f"| {key} | {value} |" for key, value in lips.items() if not isinstance(value, dict)]


def _sound(result: dict) -> list[str]:
    lines, offset = [], result.get("lip offset", {})
    shown = [
        (name, offset[name])
        for name in ("head to sound", "truth to sound", "head to truth")
        if offset.get(name, {}).get("clips")
    ]
    if shown:
        lines += [
            "",
            f"| lip-offset score (ear: r {offset['ear']}; on pictures in {offset['measured on pictures']})"
            " | clips | within 1 frame | at 0 | pooled, frames | r at best | r unmoved |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {row['clips']} | {row['share within 1 frame']:.0%} | {row['share at 0 frames']:.0%} | "
            f"{row['pooled frames']} | {row['mean r']} | {row['mean r unmoved']} |"
            for name, row in shown
        ]
    more = []
    closed = result.get("closure at p b m", {})
    if closed:
        spans = closed["head"].get("spans", 0)
        more.append(
            (
                f"lips closed at p, b, m ({closed['measured on']})",
                f"{spans} spans",
                closed["head"].get("share closed"),
                closed["truth"].get("share closed"),
            )
        )
    still = result.get("silence motion", {})
    if still:
        more.append(
            (
                "motion in silence over speech (carried landmarks)",
                f"{still['silent steps']} and {still['spoken steps']} steps",
                still["head"],
                still["truth"],
            )
        )
    if more:
        lines += ["", "| | of | head | truth |", "|---|---|---|---|"]
        lines += [f"| {name} | {count} | {head} | {truth} |" for name, count, head, truth in more]
    late = result.get("delayed voice", {})
    if late.get("tried"):
        lines += [
            "",
            "| voice delayed by, frames | " + " | ".join(late["mean of each shift"]) + " |",
            "|---|" + "---|" * len(late["mean of each shift"]),
            "| mouth comes later by | " + " | ".join(map(str, late["mean of each shift"].values())) + " |",
            "",
            f"{late['share recovered']:.1%} of {late['tried']} (clip, shift) pairs come back to the frame; "
            f"mean error {late['mean error frames']} frames.",
        ]
    return lines
