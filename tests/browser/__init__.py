"""The built book in a real browser: Chromium, driven by Playwright.
Without a Chromium these tests are skipped."""
