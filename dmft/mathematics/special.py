"""SciPy's special functions, by their names there: `special.erf(x)`.

SciPy is imported when the first one is asked for, since that takes longer than a run of moderate length.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    from scipy import special

    return getattr(special, name)
