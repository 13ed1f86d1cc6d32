"""Every input that the fuzzer kept, and every one that once broke something, keeps to what must hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.hostile import HOSTILE
from tests.fuzz.mutating import mutated
from tests.fuzz.run import CHECKED, CORPUS, REGRESSIONS, ROOT
from tests.fuzz.targets import TARGETS


def kept(name: str) -> list[Path]:
    """The target's inputs, those that once broke something first."""
    folders = [folder / name for folder in (REGRESSIONS, CORPUS)]
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]


def test_every_target_has_a_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(kept(name) for name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_kept_holds(name: str) -> None:
    for path in kept(name):
        try:
            TARGETS[name].check(path.read_bytes())
        except BaseException as error:
            error.add_note(f"with {path.relative_to(ROOT)}")
            raise


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.is_xml])
@given(data=st.data())
def test_mutated_records_hold(name: str, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(kept(name))).read_bytes()
    TARGETS[name].check(mutated(content, TARGETS[name].largest, data.draw(st.integers(0, 2**32))))


def test_the_compiled_kernel_keeps_within_its_arrays() -> None:
    """With numba's bounds check, in a process of its own: an index outside raises IndexError there."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.replay", "visits", "claims"],
        cwd=ROOT,
        env=os.environ | CHECKED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) == len(kept("visits")) + len(kept("claims"))


def test_nothing_takes_time_or_memory_out_of_proportion() -> None:
    """One and the same piece again and again: within half a minute of a processor, and a few thousand faults."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.hostile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) == len(HOSTILE)
