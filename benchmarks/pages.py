"""What a page costs a reader."""
from __future__ import annotations

import shutil

# The browser finds no host but this one, whatever a page asks for, and does nothing in the background.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


def chromium_path() -> str | None:
    """The Chromium of this machine."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def launch(playwright):
    return playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
