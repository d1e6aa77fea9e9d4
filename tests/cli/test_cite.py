"""BibTeX of what was used: of every theory and every kind of equations, as BibTeX can read it."""

import pytest

from dmft.cli.main import run
from dmft.engines import kinds
from dmft.models import experiment
from dmft.problem import registry
from tests.hinge import one_sided

CITED = {
    **{name: registry.load(name).description.citations for name in registry.names()},
    **{name: kind.citations for name, kind in kinds.KINDS.items()},
    **experiment.SCHEMES,
}


@pytest.mark.parametrize("name", CITED)
def test_entries_are_bibtex(name):
    for entry in (citation.entry for citation in CITED[name]):
        assert entry.startswith("@")
        assert entry.count("{") == entry.count("}")
        # An accent is \'a: a lone quotation mark after a brace has lost its backslash.
        assert "{'" not in entry
        assert '{"' not in entry


def test_run_of_steps_that_the_equations_bring_is_cited(tmp_path, capsys):
    (tmp_path / "problem.toml").write_text(one_sided(t_max=0.01).to_toml())
    assert run(["solve", str(tmp_path / "problem.toml"), "-o", str(tmp_path / "run.h5"), "--quiet"]) == 0
    assert run(["cite", str(tmp_path / "run.h5")]) == 0
    assert "pellegrini2020analytic" in capsys.readouterr().out
