"""Every word of a page is set in a font that the book ships:
no layout waits for what a reader's system has."""
from .names import page


@page
def test_no_word_of_a_page_is_set_in_a_font_of_the_system(seen, name):
    """As Chromium tells of each element, folded parts and popovers opened, charts drawn."""
    asked, others = seen(name).system_fonts
    assert asked > 10
    assert others == [], \
        "\n".join(others[:8]) + "\nadd what is missing to site/cut_fonts.py and cut the fonts again"
