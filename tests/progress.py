"""A test run says every half minute how far it is and what it is at, so that nobody wonders
whether it still runs."""
import threading
import time

EVERY = 30                            # seconds


class Progress:
    """Registered where the results come together: by conftest.py, in the process that starts the others."""

    def __init__(self, config):
        self.config, self.began = config, time.monotonic()
        self.done, self.at = 0, {}    # at: test -> when it began
        self.over = threading.Event()

    def pytest_sessionstart(self):
        threading.Thread(target=self._tell, daemon=True).start()

    def pytest_runtest_logstart(self, nodeid):
        self.at[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid):
        self.at.pop(nodeid, None)
        self.done += 1

    def pytest_sessionfinish(self):
        self.over.set()

    def _tell(self):
        while not self.over.wait(EVERY):
            now = time.monotonic()
            running = [f"{nodeid.rpartition('/')[2]} ({now - when:.0f} s)"
                       for nodeid, when in list(self.at.items())]
            said = f"{now - self.began:.0f} s: {self.done} tests done; {', '.join(running) or 'collecting'}"
            self.config.pluginmanager.get_plugin("terminalreporter").write_line(said)
