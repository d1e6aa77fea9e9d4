"""The texts that commands print and figures show."""

from matplotlib.backends.backend_agg import FigureCanvasAgg


def rows(text: str) -> dict[str, list[str]]:
    """Name and values of every indented line."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith("  ")}


def texts(figure) -> list[str]:
    """Every text of a figure, drawn."""
    FigureCanvasAgg(figure).draw()
    return [item.get_text() for item in figure.findobj(lambda artist: hasattr(artist, "get_text")) if item.get_text()]
