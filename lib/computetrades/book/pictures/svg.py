"""The few shapes that pictures are made of. A colour is a name of COLOURS, which the page sets;
outside it, its own value."""
from __future__ import annotations

from html import escape

COLOURS = {"ink": "#1d2733", "quiet": "#5b6673", "line": "#d5dae0", "panel": "#f4f6f8", "accent": "#0b5c8a",
           "off": "#b3261e"}


def colour(name: str, share: int = 100) -> str:
    """A colour of the page as CSS, mixed with `share` percent of itself into the page's panel."""
    full = f"var(--ct-{name}, {COLOURS[name]})"
    return (full if share == 100
            else f"color-mix(in srgb, {full} {share}%, var(--ct-panel, {COLOURS['panel']}))")


def box(x: float, y: float, width: float, height: float, fill: str = "panel", *, share: int = 100,
        edge: str = "line", round: float = 4) -> str:
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round:g}" '
            f'style="fill: {colour(fill, share)}; stroke: {colour(edge)}"/>')


def label(x: float, y: float, words: str, anchor: str = "middle", size: float = 13, *, ink: str = "ink",
          weight: int = 400, mono: bool = False) -> str:
    """Words whose baseline is at y. anchor: start, middle or end."""
    family = "var(--ct-mono, monospace)" if mono else "var(--ct-sans, sans-serif)"
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" xml:space="preserve" '
            f'style="font: {weight} {size:g}px {family}; fill: {colour(ink)}">{escape(words)}</text>')


def line(*points: tuple[float, float], ink: str = "quiet", arrow: bool = False, dashed: bool = False,
         width: float = 1.2) -> str:
    """A line through points, with a head at its end when it is an arrow."""
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    head = ""
    if arrow:
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        ux, uy = (x1 - x0) / length * 6, (y1 - y0) / length * 6
        head = (f'<path d="M{x1:.1f} {y1:.1f}L{x1 - ux - uy / 2:.1f} {y1 - uy + ux / 2:.1f}'
                f'L{x1 - ux + uy / 2:.1f} {y1 - uy - ux / 2:.1f}Z" '
                f'style="fill: {colour(ink)}"/>')
    dashes = "; stroke-dasharray: 4 3" if dashed else ""
    style = f"fill: none; stroke: {colour(ink)}; stroke-width: {width:g}{dashes}"
    return f'<path d="{path}" style="{style}"/>{head}'


def link(href: str, shapes) -> str:
    """Shapes that lead somewhere. A screen reader reads their words in this order,
    so none may be glued to the next."""
    return f'<a href="{escape(href)}">{" ".join(shapes)}</a>'


def drawing(width: float, height: float, shapes, description: str) -> str:
    """The SVG element, as wide as its column allows. description: the picture in words.

    A drawing that is hardly wider than a phone may shrink to one;
    a wider one keeps the width that book.css gives it, and scrolls.
    """
    shapes = list(shapes)
    least = "; min-width: 0; margin-left: 0" if width <= 400 else ""
    role = "group" if any("<a " in shape for shape in shapes) else "img"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'style="max-width: {width:g}px; width: 100%; height: auto{least}" '
            f'role="{role}" aria-label="{escape(description)}">{"".join(shapes)}</svg>')


def show(svg: str, caption: str) -> None:
    """Display a drawing in a chapter, with a caption that says what it shows.
    A phone scrolls it rather than shrinking its letters."""
    from IPython.display import display
    html = ('<figure class="ct-picture">'
            f'<div class="ct-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">{svg}</div>'
            f"<figcaption>{escape(caption)}</figcaption></figure>")
    display({"text/html": html, "image/svg+xml": svg, "text/plain": caption}, raw=True)
