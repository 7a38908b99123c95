# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about the GPU in one run, on a CUDA machine without internet: what is there, gsplat built, the `gpu`
tests, and how fast raster, deformation, a training step, a bake and a render are against this machine's CPU.

    python -m benchmarks.gpu --out FOLDER [--wheels FOLDER] [--parts build,tests,raster,deformation,training,bake,...]

Writes FOLDER/gpu.json after every part, FOLDER/gpu.md at the end, and a log a part. Each part is a process of its own
with its own time limit: one that fails or is killed says so in the JSON and loses nothing of the others. A second run
into the same folder redoes the parts it is asked for and keeps the rest. Talksplat need not be installed.
Exit code: 0 when every part asked for worked, else 1.
"""

import argparse
import datetime
import importlib.util
import json
import os
import subprocess
import sys
import traceback
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# seconds at most
PARTS = {"build": 1500, "tests": 900, "raster": 400, "deformation": 300, "training": 400, "bake": 400, "render": 400}
TIMED = ("raster", "deformation", "training", "bake", "render")
RESULT = "gpu.json"


def import_folders(out: Path) -> list[str]:
    """Folders for PYTHONPATH: the repository, wheels unpacked here, and a folder in which the repository is called
    `talksplat`, where that is not installed."""
    folders = [str(ROOT), str(out / "site")]
    if importlib.util.find_spec("talksplat") is None:
        (out / "package").mkdir(exist_ok=True)
        link = out / "package" / "talksplat"
        if not link.exists():
            link.symlink_to(ROOT, target_is_directory=True)
        folders.append(str(link.parent))
    return folders


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--wheels", type=Path, help="folder of wheels to unpack first: gsplat and what else is missing")
    parser.add_argument("--parts", default=",".join(PARTS), help="which, and in which order")
    parser.add_argument("--sizes", default="512,1024", help="the pictures' sides in pixels")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--device", default="cuda", help="'cpu' tries the script itself where there is no GPU")
    parser.add_argument("--part", help=argparse.SUPPRESS)  # what the process of one part is called with
    return parser.parse_args()


def run_part(options: argparse.Namespace) -> dict:
    """The figures of one part, in its own process."""
    import torch

    from benchmarks import gpu_build, gpu_times

    device = torch.device(options.device)
    if options.part == "machine":
        return gpu_build.machine() | {
            "missing": gpu_build.missing_parts(),
            "environment": gpu_build.build_environment(options.out),
        }
    if options.part == "build":
        return gpu_build.build(options.out)
    if device.type == "cuda":
        from talksplat.core.raster import gpu_unavailable_reason

        if gpu_unavailable_reason() is not None:
            raise RuntimeError(f"{gpu_unavailable_reason()}, so there is nothing to time.")
    else:
        device = torch.device("cpu", 0)  # next to plain "cpu", so that the script has two devices to compare
    sizes = [int(size) for size in options.sizes.split(",")]
    return gpu_times.TIMED[options.part](sizes, options.repeats, device)


def run_tests(options: argparse.Namespace, environ: dict[str, str]) -> dict:
    """pytest over the files that hold `gpu` tests; others may need packages that are not here."""
    files = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "mark.gpu" in (text := path.read_text(encoding="utf-8")) or "other_device" in text
    ]
    report, log = options.out / "tests.xml", options.out / "tests.log"
    report.unlink(missing_ok=True)
    pytest = [sys.executable, "-m", "pytest", "-m", "gpu", "--continue-on-collection-errors"]
    command = [*pytest, "-p", "no:cacheprovider", f"--junitxml={report}", *files]
    code = run_logged(command, log, PARTS["tests"], environ)
    if not report.is_file():
        raise RuntimeError(f"pytest ended with {code} before it reported; {last_line(log)}")
    return read_report(report)


def read_report(report: Path) -> dict:
    """The counts of a JUnit report, the failures, and an "error" where something failed or nothing ran."""
    root = xml.etree.ElementTree.parse(report).getroot()
    counts = {
        name: sum(int(suite.get(name, 0)) for suite in root.iter("testsuite"))
        for name in ("tests", "failures", "errors", "skipped")
    }
    failed = [
        f"{case.get('classname')}::{case.get('name')}: {(result.get('message') or 'error').splitlines()[0][:200]}"
        for case in root.iter("testcase")
        for result in case
        if result.tag in ("failure", "error")
    ]
    reasons = sorted({result.get("message", "")[:200] for result in root.iter("skipped")})
    passed = counts["tests"] - counts["skipped"] - counts["errors"] - counts["failures"]
    figures = {"passed": passed, **counts, "failed": failed, "reasons of skips": reasons}
    if failed or not passed:
        figures["error"] = f"{len(failed)} of {counts['tests']} tests failed" if failed else "no test ran"
    return figures


def run_logged(command: list[str], log: Path, limit: float, environ: dict[str, str]) -> int | str:
    """Exit code, or the sentence that says which limit it ran past. What it prints goes into the log."""
    with log.open("w", encoding="utf-8") as file:
        try:
            return subprocess.run(
                command, stdout=file, stderr=subprocess.STDOUT, timeout=limit, cwd=ROOT, env=environ
            ).returncode
        except subprocess.TimeoutExpired:
            return f"its limit of {limit:.0f} s"


def last_line(log: Path) -> str:
    """The last line that a process printed."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"


def run_in_process(name: str, options: argparse.Namespace, environ: dict[str, str]) -> dict:
    """One part in a process of its own: its figures, or {"error": sentence}."""
    result, log = options.out / f"{name}.json", options.out / f"{name}.log"
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.gpu", "--part", name, "--out", str(options.out)]
    command += ["--sizes", options.sizes, "--repeats", str(options.repeats), "--device", options.device]
    code = run_logged(command, log, PARTS.get(name, 120), environ)
    if code == 0 and result.is_file():
        figures = json.loads(result.read_text(encoding="utf-8"))
        result.unlink()
        return figures
    return {"error": f"{last_line(log)} (ended with {code}; {log.name} has the rest)"}


def markdown_table(results: dict) -> str:
    """The results as markdown."""
    machine, out = results["machine"], []
    gpu = machine.get("gpu") or "no GPU"
    out.append(f"# talksplat on {gpu}, {results['date']}\n")
    out.append(
        f"{machine.get('cpu', '?')} ({machine.get('cores', '?')} cores), driver {machine.get('nvidia-smi', '')},"
        f" torch {machine.get('torch', '?')}, gsplat {machine.get('gsplat') or 'absent'}, "
        f"Python {machine.get('python', '?')}. Ratio: CPU back end over GPU, in one run.\n"
    )
    out += [f"* {sentence}" for sentence in machine.get("missing", [])]
    for name in PARTS:
        figures = results["parts"].get(name)
        if figures is not None and "error" in figures:
            out.append(f"* {name} failed: {figures['error']}")
    if "seconds" in (built := results["parts"].get("build", {})):
        out.append(f"* build: {built['seconds']} s, {built['library MB']} MB")
    if "passed" in (tested := results["parts"].get("tests", {})):
        out.append(f"* tests: {tested['passed']} passed, {len(tested['failed'])} failed, {tested['skipped']} skipped")
    out.append("\n| work | GPU ms | CPU ms | ratio | GPU peak MB |\n|---|---|---|---|---|")
    for name in TIMED:
        for row, figures in results["parts"].get(name, {}).items():
            if isinstance(figures, dict):
                cells = [figures.get(key, "") for key in ("gpu ms", "cpu ms", "ratio", "gpu peak MB")]
                out.append(f"| {row} | {' | '.join(map(str, cells))} |")
    return "\n".join(out) + "\n"


def write_results(results: dict, out: Path) -> None:
    """Both files, each complete or as it was."""
    for name, text in ((RESULT, json.dumps(results, indent=2)), ("gpu.md", markdown_table(results))):
        temporary = out / f".{name}"
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(out / name)


def main() -> int:
    options = parse_options()
    options.out = options.out.resolve()
    if options.part:
        (options.out / f"{options.part}.json").write_text(json.dumps(run_part(options)), encoding="utf-8")
        return 0
    parts = [name.strip() for name in options.parts.split(",") if name.strip()]
    if unknown := [name for name in parts if name not in PARTS]:
        print(f"unknown part {unknown[0]!r}; choose of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    environ = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
    environ["PYTHONPATH"] = os.pathsep.join(
        [*import_folders(options.out), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    wheels_error = unpack_wheels(options)
    kept = json.loads((options.out / RESULT).read_text("utf-8")) if (options.out / RESULT).is_file() else {}
    results = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": run_in_process("machine", options, environ),
        "parts": kept.get("parts", {}),
    }
    environ |= results["machine"].pop("environment", {})
    if wheels_error:
        results["machine"].setdefault("missing", []).insert(0, f"--wheels: {wheels_error}")
    for sentence in results["machine"].get("missing", []):
        print(sentence, file=sys.stderr)
    for name in parts:
        print(f"{name} ...", flush=True)
        try:
            figures = run_tests(options, environ) if name == "tests" else run_in_process(name, options, environ)
        except Exception as error:  # whatever it is, the other parts are wanted
            traceback.print_exc()
            figures = {"error": f"{type(error).__name__}: {error}"}
        results["parts"][name] = figures
        write_results(results, options.out)
        print(f"{name}: {figures.get('error', 'done')}", flush=True)
    print(markdown_table(results))
    return 1 if any("error" in results["parts"][name] for name in parts) else 0


def unpack_wheels(options: argparse.Namespace) -> str:
    """Wheels into FOLDER/site; what went wrong, or nothing."""
    if options.wheels is None:
        return ""
    from benchmarks import gpu_build

    return gpu_build.install_wheels(options.wheels, options.out / "site")


if __name__ == "__main__":
    sys.exit(main())
