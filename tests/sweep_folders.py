"""Folders of sweeps: solved, looked into, compared."""

from pathlib import Path

from dmft.cli.main import run
from tests.comparison import assert_same, datasets


def solved(text: str, folder: Path) -> dict[str, dict]:
    """Every dataset of every point of a sweep, solved in this process at one go."""
    (folder / "sweep.toml").write_text(text)
    assert run(["sweep", str(folder / "sweep.toml"), "-o", str(folder / "out"), "--quiet"]) == 0
    return contents(folder / "out")


def contents(folder: Path) -> dict[str, dict]:
    """Datasets of every run file of a sweep, by path."""
    points = folder / "points"
    return {str(path.relative_to(points)): datasets(path) for path in sorted(points.rglob("*.h5"))}


def files(folder: Path) -> list[str]:
    """Every file and folder of a sweep but the points."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.parent.name != "points")


def finished(folder: Path) -> int:
    """Number of points that have a result."""
    return len(list((folder / "points").glob("*.h5"))) if folder.exists() else 0


def assert_same_points(found: dict[str, dict], expected: dict[str, dict]) -> None:
    """The same points with the same values, bit for bit."""
    assert found.keys() == expected.keys()
    for name in expected:
        assert_same(found[name], expected[name])
