"""The fuzzer (atheris, which is libFuzzer for Python): ``python -m tests.fuzz.run [TARGET...] --minutes N``.

Each target runs in a process of its own, for its share of the time, from the kept corpus. The readers are run twice:
with the kernel interpreted, so that its branches guide the fuzzer and numpy watches every index, and with the kernel
compiled with numba's bounds check, which is the code that users run. An input that breaks an invariant, takes longer
than ``SLOWEST`` seconds or more than ``MOST_MEMORY`` MB is kept in ``regressions/``, where the suite replays it; the
exit code is 1. ``minimise`` renews the kept corpus from what was found.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
CORPUS: Final = HERE / "corpus"
REGRESSIONS: Final = HERE / "regressions"
ROOT: Final = HERE.parents[1]
#: Seconds for one input of a few KB: all of them take milliseconds (the interpreted kernel some more).
SLOWEST: Final = 20
MOST_MEMORY: Final = 2500  # MB; polars, numba and Django alone take 400
_INTERPRETED: Final = {"NUMBA_DISABLE_JIT": "1"}
#: Compiled apart from what users run: numba's cache does not tell the two from each other.
CHECKED: Final = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(Path(tempfile.gettempdir()) / "nhicard-boundscheck")}
_WITH_KERNEL: Final = ("visits", "together", "claims")


def runs(names: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Each target with the environment of its run."""
    return [
        (name, environment)
        for name in names
        for environment in ((_INTERPRETED, CHECKED) if name in _WITH_KERNEL else ({},))
    ]


def main() -> int:
    """0 where nothing was found."""
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)}; all where none is named")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all of them together")
    parser.add_argument(
        "--found", type=Path, default=ROOT / ".hypothesis" / "fuzz", help="where inputs that reach more are collected"
    )
    wanted = parser.parse_args()
    names = list(dict.fromkeys(wanted.target or TARGETS))
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    work = runs(names)
    seconds = max(5, int(wanted.minutes * 60 / len(work)))
    bad = [
        f"{name} {' '.join(f'{key}={value}' for key, value in environment.items() if key != 'NUMBA_CACHE_DIR')}"
        for name, environment in work
        if _fuzz(name, environment, seconds, wanted.found / name)
    ]
    sys.stdout.write("".join(f"found something: {each}\n" for each in bad) or "nothing found\n")
    return bool(bad)


def _fuzz(name: str, environment: dict[str, str], seconds: int, found: Path) -> bool:
    """Whether one run ended with an input that is kept as a regression."""
    kept, own = CORPUS / name, REGRESSIONS / name
    for folder in (found, own):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(own.iterdir())
    options = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MOST_MEMORY}",
               "-print_final_stats=1", f"-artifact_prefix={own}/", str(found), str(kept)]  # fmt: skip
    ended = _harness(name, environment, options)
    with suppress(OSError):
        own.rmdir()  # empty
    return ended != 0 or (own.exists() and set(own.iterdir()) > before)


def _harness(name: str, environment: dict[str, str], options: list[str]) -> int:
    command = [sys.executable, "-m", "tests.fuzz.run", "--harness", name, *options]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False).returncode


def harness(name: str, options: list[str]) -> None:
    """One target under libFuzzer; does not return."""
    import atheris  # type: ignore[import-untyped]

    # numba compiles no instrumented code
    compiled = [] if "NUMBA_DISABLE_JIT" in os.environ else ["nhicard.formats.span_kernel"]
    with atheris.instrument_imports(include=["nhicard"], exclude=compiled, enable_loader_override=False):
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]
        for path in sorted((CORPUS / name).iterdir())[:20]:  # what is imported late is to guide too, and is no hang
            target.check(path.read_bytes())
    mutator: dict[str, Callable[..., Any]] = {}
    if target.is_xml:
        from tests.fuzz.mutating import mutated

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            """By structure mostly; libFuzzer's own bytes and dictionary now and then."""
            return atheris.Mutate(data, most) if seed % 5 == 0 else mutated(data, most, seed)

        mutator["custom_mutator"] = mutate
    atheris.Setup([f"fuzz-{name}", f"-max_len={target.largest}", *options], target.check, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--harness"]:
        harness(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
