"""Every page by axe-core's rules, in both themes, on a phone and with a popover open:
nothing serious or critical."""
import pytest

from .axe import AXE
from .names import page


@page
def test_a_page_is_accessible(seen, name):
    if not AXE.exists():
        pytest.skip("axe-core is not installed, so accessibility was not checked (npm ci --ignore-scripts)")
    found = seen(name).violations
    assert not found, "\n".join(found)
