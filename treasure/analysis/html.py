"""Pages that need nothing else: templates filled with everything escaped, figures put in as data."""

import base64
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from treasure.analysis.figures.draw import SavedFigure


def render(template: str, **context: Any) -> str:
    """`template` of treasure/analysis/templates as HTML."""
    environment = Environment(
        loader=PackageLoader("treasure.analysis", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**context)


def images_of(figures: Iterable[SavedFigure]) -> dict[str, str]:
    """Name of a figure -> what an `img` takes as its source."""
    return {
        figure.name: "data:image/svg+xml;base64," + base64.b64encode(figure.svg.read_bytes()).decode()
        for figure in figures
    }
