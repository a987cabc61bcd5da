"""matplotlib's figures as SVG that lives in a page: its colours, its font, no addresses, the same bytes every time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from html import escape
from importlib.util import find_spec
from typing import Any

WIDTH = 440
"""Of every figure. [px]"""
VARIABLES = (
    "ink", "muted", "line", "surface", "load", "pv", "good", "bad", "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7",
    "m8",
)  # fmt: skip
COLOURS = {name: f"#0a0b{k:02x}" for k, name in enumerate(VARIABLES, start=16)}
"""Stand-ins while drawing; in the page they become the CSS variables of these names."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
PATHS = {
    "o": "M8 3a5 5 0 1 0 .01 0z", "s": "M3.5 3.5h9v9h-9z", "^": "M8 2.5l5.5 10.5h-11z",
    "D": "M8 1.8l6.2 6.2-6.2 6.2-6.2-6.2z", "v": "M8 13.5l5.5-10.5h-11z",
    "P": "M6 2.5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5v-4h3.5z",
    "X": "M3 5.5l2.5-2.5 2.5 2.5 2.5-2.5 2.5 2.5-2.5 2.5 2.5 2.5-2.5 2.5-2.5-2.5-2.5 2.5-2.5-2.5 2.5-2.5z",
    "p": "M8 2l6 4.4-2.3 7h-7.4l-2.3-7z", "ring": "M8 2.5a5.5 5.5 0 1 0 .01 0z",
    "-": "M1 8h14", "--": "M1 8h4m2 0h4m2 0h2", ":": "M1 8h2m2 0h2m2 0h2m2 0h2", "-.": "M1 8h6m2 0h1.5m2 0h3",
    "fill": "M1 4h14v9h-14z",
}  # fmt: skip
"""The same shapes 16 pixels wide, for legends."""
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 12.0,
    "axes.facecolor": "none",
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.7,
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["line"],
    "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "figure.dpi": 72.0,
}


def available() -> bool:
    """Whether the extra [reports] is installed."""
    return find_spec("matplotlib") is not None


def style(name: str) -> Any:
    """The context in which a figure is drawn and turned into text; `name` keeps identifiers apart on one page."""
    import matplotlib as mpl

    settings: Any = {**STYLE, "svg.hashsalt": f"commonwatt-{name}"}
    return mpl.rc_context(settings)


def blank(height: float) -> Any:
    """An empty figure as wide as all others, `height` pixels high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH / 72, height / 72), facecolor="none")


def inline(figure: Any, name: str, alt: str, titles: Mapping[str, str] | None = None) -> str:
    """A figure as an element of a page. `titles`: what to say when the pointer rests on the artist with that gid."""
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's browser has it, only the measure is a guess
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    size = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg {size[0] if size else ""} role="img" aria-label="{escape(alt)}">'
    svg = head + svg[svg.index(">") + 1 :]
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"(\bid=\"|href=\"#|url\(#)", rf"\g<1>{name}-", svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    for variable, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return _titled(svg, name, titles or {})


def _titled(svg: str, name: str, titles: Mapping[str, str]) -> str:
    for gid, title in titles.items():
        mark = f'<g id="{name}-{gid}">'
        svg = svg.replace(mark, f"{mark}<title>{escape(title)}</title>")
    return svg


def swatch(shape: str, variable: str) -> str:
    """A mark for a legend, 16 pixels wide."""
    lines = shape in ("ring", "-", "--", ":", "-.")
    paint = "fill:none;stroke" if lines else "fill"
    return (
        f'<svg class="swatch" viewBox="0 0 16 16" aria-hidden="true">'
        f'<path d="{PATHS[shape]}" style="{paint}:var(--{variable})"/></svg>'
    )
