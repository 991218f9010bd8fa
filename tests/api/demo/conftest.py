"""What the tests of the demo share."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def fonts_are_open():
    """Matplotlib opens its fonts once for a process and keeps them: not a leak of a picture."""
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    canvas = FigureCanvasAgg(figure)
    for weight, style in (("normal", "normal"), ("bold", "normal"), ("normal", "italic")):
        figure.text(0, 0, "… “x”", weight=weight, style=style)
    canvas.draw()
    return matplotlib
